//! Rewrites memory operands that cannot be copied: relative to rip, or to the guest's gs.
//!
//! An instruction's address in the cache is more than 2 GiB from the guest's data, so an operand
//! relative to rip becomes `[scratch]` with the address in a scratch register.

use crate::context::{field, register_offset};
use crate::emitter::Emitter;
use alloc::vec::Vec;
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, OpKind, Register};

/// Number of a general register in machine code; `None` for others.
pub(crate) fn number(register: Register) -> Option<u8> {
    let full = register.full_register();
    if full.is_gpr64() {
        Some(full.number() as u8)
    } else {
        None
    }
}

/// Whether an explicit operand or the address uses general register `register`.
pub(crate) fn uses(i: &Instruction, register: u8) -> bool {
    let operand = |index: u32| {
        i.op_kind(index) == OpKind::Register && number(i.op_register(index)) == Some(register)
    };
    (0..i.op_count()).any(operand)
        || number(i.memory_base()) == Some(register)
        || number(i.memory_index()) == Some(register)
}

/// A register that the instruction does not use. No instruction uses r8–r11 implicitly
/// (except `syscall`), and none has more than three general registers as operands.
pub(crate) fn scratch(i: &Instruction, other_than: Option<u8>) -> u8 {
    let high_byte = (0..i.op_count()).any(|index| {
        let high = [Register::AH, Register::CH, Register::DH, Register::BH];
        i.op_kind(index) == OpKind::Register && high.contains(&i.op_register(index))
    });
    if high_byte {
        // These cannot be named together with a REX prefix; none of them uses rsi or rdi besides.
        return if uses(i, 6) { 7 } else { 6 };
    }
    [11, 10, 9, 8]
        .into_iter()
        .find(|&register| Some(register) != other_than && !uses(i, register))
        .expect("at most three of four registers are in use")
}

fn is_prefix(byte: u8) -> bool {
    matches!(
        byte,
        0x66 | 0xf2 | 0xf3 | 0xf0 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 | 0x67
    )
}

/// Index of the REX prefix or, without one, of the opcode. A REX before another prefix does not count.
pub(crate) fn opcode_start(bytes: &[u8]) -> usize {
    let mut index = 0;
    loop {
        let byte = bytes[index];
        let next = bytes.get(index + 1).copied().unwrap_or(0);
        let rex = byte & 0xf0 == 0x40;
        if is_prefix(byte) || rex && (is_prefix(next) || next & 0xf0 == 0x40) {
            index += 1;
        } else {
            return index;
        }
    }
}

/// Emit an instruction with its operand relative to rip replaced by `[register]`.
/// `register` is none of rsp, rbp, r12, r13; `displacement` is the index of the displacement.
pub(crate) fn with_base(e: &mut Emitter, bytes: &[u8], displacement: usize, register: u8) {
    let high = register >= 8;
    let mut at = opcode_start(bytes);
    // A REX in the middle of prefixes is ignored by the processor and harmless to copy.
    e.bytes(&bytes[..at]);
    let first = bytes[at];
    let xop = first == 0x8f && bytes[at + 1] & 0x1f >= 8;
    match first {
        0x40..=0x4f => {
            e.u8(first & !1 | u8::from(high));
            at += 1;
        }
        0xc5 => {
            // Two-byte VEX has no B bit: make it three bytes. R̄ stays, X̄ = 1, map 1, W = 0.
            let payload = bytes[at + 1];
            let inverted_b = if high { 0 } else { 0x20 };
            e.bytes(&[0xc4, payload & 0x80 | 0x40 | inverted_b | 1, payload & 0x7f]);
            at += 2;
        }
        0xc4 | 0x62 => {
            let inverted_b = if high { 0 } else { 0x20 };
            e.bytes(&[first, bytes[at + 1] & !0x20 | inverted_b]);
            at += 2;
        }
        _ if xop => {
            let inverted_b = if high { 0 } else { 0x20 };
            e.bytes(&[first, bytes[at + 1] & !0x20 | inverted_b]);
            at += 2;
        }
        _ if high => e.u8(0x41),
        _ => {}
    }
    let modrm = displacement - 1;
    e.bytes(&bytes[at..modrm]);
    e.u8(bytes[modrm] & 0x38 | register & 7);
    e.bytes(&bytes[displacement + 4..]);
}

/// Emit `operation register, operand` for the r/m operand of a legacy instruction:
/// `mov` (0x8b) or `lea` (0x8d), with 64-bit operand size. `opcode_length` is that of the original.
/// Segment prefixes other than fs are dropped.
pub(crate) fn take_operand(
    e: &mut Emitter,
    bytes: &[u8],
    opcode_length: usize,
    operation: u8,
    register: u8,
) {
    let start = opcode_start(bytes);
    for &byte in &bytes[..start] {
        if byte == 0x67 || byte == 0x64 && operation == 0x8b {
            e.u8(byte);
        }
    }
    let has_rex = bytes[start] & 0xf0 == 0x40;
    let rex = if has_rex { bytes[start] & 3 } else { 0 };
    let modrm = start + usize::from(has_rex) + opcode_length;
    e.bytes(&[0x48 | rex | (register >> 3) << 2, operation]);
    e.u8(bytes[modrm] & 0xc7 | (register & 7) << 3);
    e.bytes(&bytes[modrm + 1..]);
}

/// Emit an instruction whose memory operand is relative to the guest's gs base. Returns the scratch
/// registers, or `None` for the forms that are not supported.
pub(crate) fn through_gs(e: &mut Emitter, i: &Instruction) -> Option<(u8, u8)> {
    let explicit = (0..i.op_count()).any(|index| i.op_kind(index) == OpKind::Memory);
    if !explicit || i.memory_index().is_vector_register() {
        return None;
    }
    let first = scratch(i, None);
    let second = scratch(i, Some(first));
    if first < 8 {
        return None;
    }
    let gpr = |register: u8| Register::RAX + u32::from(register);
    let mut encoder = Encoder::new(64);
    let mut rewritten = *i;
    rewritten.set_segment_prefix(Register::None);
    rewritten.set_memory_base(gpr(first));
    rewritten.set_memory_index(Register::None);
    rewritten.set_memory_index_scale(1);
    rewritten.set_memory_displacement64(0);
    rewritten.set_memory_displ_size(0);
    let length = encoder.encode(&rewritten, 0).ok()?;
    let body: Vec<u8> = encoder.take_buffer();

    let address = if i.is_ip_rel_memory_operand() {
        None
    } else {
        let operand = MemoryOperand::new(
            i.memory_base(),
            i.memory_index(),
            i.memory_index_scale(),
            i.memory_displacement64() as i64,
            i.memory_displ_size(),
            false,
            Register::None,
        );
        let lea = Instruction::with2(Code::Lea_r64_m, gpr(first), operand).ok()?;
        encoder.encode(&lea, 0).ok()?;
        Some(encoder.take_buffer())
    };
    e.store(field!(spill_a), first);
    e.store(field!(spill_b), second);
    match address {
        Some(lea) => e.bytes(&lea),
        None => e.constant(first, i.ip_rel_memory_address()),
    }
    e.load(gs_base_offset(), second);
    // lea first, [first + second]
    let (f, s) = (first & 7, second & 7);
    e.bytes(&[0x4f, 0x8d, 0x04 | f << 3, s << 3 | f]);
    e.bytes(&body[..length]);
    e.load(field!(spill_a), first);
    e.load(field!(spill_b), second);
    Some((first, second))
}

pub(crate) fn gs_base_offset() -> u32 {
    core::mem::offset_of!(reenact_trace::Registers, gs_base) as u32
}

/// Offset in the context of a guest register (while translated code does not run).
#[allow(dead_code)]
pub(crate) fn saved(register: u8) -> u32 {
    register_offset(register) as u32
}

/// Whether a branch has an operand size prefix that is not overridden by REX.W: Intel ignores
/// it, AMD truncates rip.
pub(crate) fn has_operand_size(bytes: &[u8]) -> bool {
    if bytes.len() < 3 || !bytes[..bytes.len() - 1].contains(&0x66) {
        return false;
    }
    let start = opcode_start(bytes);
    bytes[..start].contains(&0x66) && bytes[start] & 0xf8 != 0x48
}
