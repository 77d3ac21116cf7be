//! Whether bytes in the middle of code are an instruction. Bytes alone tell no code from operands; but however one begins to
//! decode code, one soon comes to where its instructions begin. Pure.

use iced_x86::{Decoder, DecoderOptions, Instruction};

/// So far before the place all ways to it begin: any stretch of code that leads there has a beginning of an instruction
/// among them.
const FARTHEST: usize = 192;
/// So near before it the last of them does: behind that, ways that began inside an instruction have come to the others.
const NEAREST: usize = 64;
/// Bytes of the longest instruction.
const LONGEST: usize = 15;

/// Whether some way through `code` makes an instruction of the opcode at `at`. Where too little is before it, this is not
/// known, and so it may be.
pub fn may_be_opcode(code: &[u8], at: usize) -> bool {
    if at >= code.len() || at < NEAREST + LONGEST {
        return true;
    }
    let first = at.saturating_sub(FARTHEST);
    // Whether the way that begins so many bytes behind the first comes there.
    let mut comes = [false; FARTHEST + 1];
    let mut instruction = Instruction::default();
    for from in (first..=at).rev() {
        // What the processor refuses, a way may still go through: that leaves more of them.
        let options = DecoderOptions::NO_INVALID_CHECK;
        let mut decoder = Decoder::with_ip(64, &code[from..], from as u64, options);
        decoder.decode_out(&mut instruction);
        let length = match instruction.len() {
            // It is not whole in here, or none.
            _ if instruction.is_invalid() && from + LONGEST > at => usize::MAX,
            _ if instruction.is_invalid() => 0,
            length => length,
        };
        let end = from.saturating_add(length);
        comes[from - first] = if length == 0 {
            false
        } else if end > at {
            code[from..at].iter().all(|&byte| is_prefix(byte))
        } else {
            comes[end - first]
        };
    }
    comes[..=at - NEAREST - first].contains(&true)
}

fn is_prefix(byte: u8) -> bool {
    let is_legacy = matches!(
        byte,
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
    );
    is_legacy || byte & 0xf0 == 0x40
}
