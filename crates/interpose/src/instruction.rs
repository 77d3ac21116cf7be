//! Instructions that are performed in the program's place: their length and operand. Pure: bytes in,
//! an answer out.

use reenact_trace::event::instruction;

/// Bytes of an instruction that are looked at.
pub const LOOK: usize = 8;

const TWO_BYTE_OPCODE: u8 = 0x0f;

/// Opcode and ModRM of `xbegin`; its displacement follows.
const XBEGIN: [u8; 2] = [0xc7, 0xf8];
const OPERAND_SIZE: u8 = 0x66;

/// The operand of `rdrand`, `rdseed` and `rdpid`: one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Bytes.
    pub size: u32,
    /// Number of the register in machine code.
    pub register: usize,
    /// Length of the instruction, bytes.
    length: u64,
}

impl Destination {
    /// `None`: an instruction of another form.
    pub fn decode(code: &[u8; LOOK]) -> Option<Destination> {
        let mut at = 0;
        let (mut size, mut extension) = (4, 0);
        loop {
            match *code.get(at)? {
                0x66 => size = 2,
                0xf2 | 0xf3 | 0x2e | 0x3e | 0x26 | 0x36 | 0x64 | 0x65 => {}
                rex @ 0x40..=0x4f => {
                    if rex & 8 != 0 {
                        size = 8;
                    }
                    extension = usize::from(rex & 1) * 8;
                }
                TWO_BYTE_OPCODE => break,
                _ => return None,
            }
            at += 1;
        }
        let modrm = *code.get(at + 2)?;
        Some(Destination {
            size,
            register: usize::from(modrm & 7) + extension,
            length: at as u64 + 3,
        })
    }
}

/// How far behind an `xbegin` the program goes on when the transaction is aborted, and the length of the
/// instruction, bytes; `None` for another instruction.
pub fn fallback(code: &[u8; LOOK]) -> Option<(i64, u64)> {
    let opcode = code.windows(2).position(|bytes| bytes == XBEGIN)?;
    let at = opcode + XBEGIN.len();
    let field = code.get(at..at + 4)?;
    // REX.W, which stands last, takes precedence over the prefix of the operand size.
    let is_wide = opcode > 0 && code[opcode - 1] & 0xf8 == 0x48;
    if code[..opcode].contains(&OPERAND_SIZE) && !is_wide {
        let displacement = i16::from_le_bytes([field[0], field[1]]);
        return Some((i64::from(displacement), at as u64 + 2));
    }
    let displacement = i32::from_le_bytes([field[0], field[1], field[2], field[3]]);
    Some((i64::from(displacement), at as u64 + 4))
}

/// Length of an instruction of a known kind, bytes.
pub fn length(code: &[u8; LOOK], kind: u16) -> u64 {
    // With any prefixes before the opcode.
    let opcode = code.iter().position(|&byte| byte == TWO_BYTE_OPCODE);
    let prefixes = opcode.unwrap_or(0) as u64;
    match kind {
        instruction::CPUID | instruction::RDTSC => prefixes + 2,
        instruction::RDTSCP | instruction::XGETBV => prefixes + 3,
        instruction::XBEGIN => fallback(code).map_or(LOOK as u64, |(_, length)| length),
        _ => Destination::decode(code).map_or(3, |destination| destination.length),
    }
}
