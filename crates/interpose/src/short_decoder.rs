//! Lengths of the instructions that short loops are made of, and where they lead. Pure: bytes in, an answer out.
//! What it does not know (vectors of AVX, x87, system instructions) it says so of.

use crate::register_changes as changes;

/// Bytes of the longest instruction.
pub const LONGEST: usize = 15;

/// As compilers write it, without other prefixes.
const PAUSE: [u8; 2] = [0xf3, 0x90];

/// Numbers of registers, and an opcode.
const STACK: u8 = 4;
const FRAME: u8 = 5;
const LEA: u8 = 0x8d;
/// What a function's frame is addressed by.
pub const FRAME_REGISTERS: u16 = 1 << STACK | 1 << FRAME;

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the next one.
    On,
    /// To the next one: the hint that this is a loop which waits.
    Pause,
    /// By so many bytes, counted from its end.
    Jump(i64),
    /// The same when the condition (the low four bits of the opcode) holds.
    Branch(u8, i64),
    Call(i64),
    Return,
}

/// Memory that an instruction names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The registers of its address, a bit each, as the processor numbers them; none: relative to the instruction, or absolute.
    pub registers: u16,
    /// It has the base of FS or GS: the thread's own.
    pub is_local: bool,
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub length: u64,
    pub leads: Leads,
    /// General registers that it may change, a bit each.
    pub changes: u16,
    pub memory: Option<Memory>,
    /// It does nothing but look at memory, if it names some, by general registers: it moves, compares or tests.
    pub looks: bool,
    /// It changes memory outside of the function's frame, and each time perhaps in another way: an exchange of a
    /// register and memory does not count, which does the same again while the registers are the same.
    pub stores: bool,
}

/// What follows an opcode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operands {
    /// Nothing but this many immediate bytes.
    Immediate(usize),
    /// A ModRM byte, what belongs to it, and so many immediate bytes; whether memory is the destination.
    Memory(usize, bool),
}

pub(crate) struct Prefixes {
    wide: bool,
    /// The bits R, X and B of REX.
    rex: u8,
    operand_size: bool,
    repeat: bool,
    segment: bool,
}

/// Decode the instruction at the start of `code`; `None`: an unknown one, or it goes on behind `code`.
pub fn decode(code: &[u8]) -> Option<Decoded> {
    let mut at = 0;
    let mut prefixes = Prefixes {
        wide: false,
        rex: 0,
        operand_size: false,
        repeat: false,
        segment: false,
    };
    loop {
        match *code.get(at)? {
            0x66 => prefixes.operand_size = true,
            0xf3 => prefixes.repeat = true,
            0x64 | 0x65 => prefixes.segment = true,
            0xf0 | 0xf2 | 0x2e | 0x36 | 0x3e | 0x26 => {}
            _ => break,
        }
        at += 1;
    }
    if let rex @ 0x40..=0x4f = *code.get(at)? {
        prefixes.wide = rex & 8 != 0;
        prefixes.rex = rex & 7;
        // REX.W takes precedence (Intel SDM volume 2, 2.2.1.2).
        prefixes.operand_size &= !prefixes.wide;
        at += 1;
    }
    let opcode = *code.get(at)?;
    at += 1;
    if opcode == 0x0f {
        return two_byte(code, at, &prefixes);
    }
    let byte = |at: usize| code.get(at).map(|&byte| i64::from(byte as i8));
    let plain = |length: usize, leads| {
        let by_stack = matches!(leads, Leads::Call(_) | Leads::Return);
        Some(Decoded {
            length: length as u64,
            leads,
            changes: if by_stack { 1 << STACK } else { 0 },
            memory: None,
            looks: false,
            stores: false,
        })
    };
    match opcode {
        0x70..=0x7f => plain(at + 1, Leads::Branch(opcode & 15, byte(at)?)),
        0xeb => plain(at + 1, Leads::Jump(byte(at)?)),
        0xe9 => plain(at + 4, Leads::Jump(displacement(code, at)?)),
        0xe8 => plain(at + 4, Leads::Call(displacement(code, at)?)),
        0xc3 => plain(at, Leads::Return),
        0x90 if code.starts_with(&PAUSE) => plain(at, Leads::Pause),
        _ => {
            let modrm = code.get(at).copied().unwrap_or(0);
            let operands = one_byte(opcode, modrm >> 3 & 7, &prefixes)?;
            let mut decoded = with_operands(code, at, operands, &prefixes)?;
            decoded.changes = changes::one_byte(opcode, modrm, prefixes.rex);
            decoded.looks = matches!(opcode, 0x38..=0x3b | 0x84 | 0x85 | 0x8a | 0x8b | 0x63)
                || matches!(
                    (opcode, modrm >> 3 & 7),
                    (0x80..=0x83, 7) | (0xf6 | 0xf7, 0)
                );
            if opcode == LEA {
                decoded.memory = None;
            }
            Some(decoded)
        }
    }
}

fn displacement(code: &[u8], at: usize) -> Option<i64> {
    let bytes = code.get(at..at + 4)?;
    Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)))
}

fn one_byte(opcode: u8, reg: u8, prefixes: &Prefixes) -> Option<Operands> {
    use Operands::{Immediate, Memory};
    const COMPARE: u8 = 7;
    let word = if prefixes.operand_size { 2 } else { 4 };
    Some(match opcode {
        // Arithmetic: to memory, from memory, of the accumulator.
        0x00..=0x3f => match opcode & 7 {
            0 | 1 => Memory(0, opcode >> 3 != COMPARE),
            2 | 3 => Memory(0, false),
            4 => Immediate(1),
            5 => Immediate(word),
            _ => return None,
        },
        0x50..=0x5f | 0x90..=0x99 => Immediate(0),
        0x63 | 0x8a | 0x8b | 0x8d | 0x84..=0x87 => Memory(0, false),
        0x68 => Immediate(word),
        0x6a => Immediate(1),
        0x69 => Memory(word, false),
        0x6b => Memory(1, false),
        0x80 | 0x83 => Memory(1, reg != COMPARE),
        0x81 => Memory(word, reg != COMPARE),
        0x88 | 0x89 => Memory(0, true),
        0xa8 => Immediate(1),
        0xa9 => Immediate(word),
        0xb0..=0xb7 => Immediate(1),
        0xb8..=0xbf if prefixes.wide => Immediate(8),
        0xb8..=0xbf => Immediate(word),
        0xc0 | 0xc1 => Memory(1, true),
        0xc6 if reg == 0 => Memory(1, true),
        0xc7 if reg == 0 => Memory(word, true),
        0xd0..=0xd3 => Memory(0, true),
        0xf6 => Memory(usize::from(reg < 2), matches!(reg, 2 | 3)),
        0xf7 => Memory(if reg < 2 { word } else { 0 }, matches!(reg, 2 | 3)),
        0xfe | 0xff if reg < 2 => Memory(0, true),
        _ => return None,
    })
}

fn two_byte(code: &[u8], at: usize, prefixes: &Prefixes) -> Option<Decoded> {
    use Operands::{Immediate, Memory};
    let opcode = *code.get(at)?;
    let at = at + 1;
    if let 0x80..=0x8f = opcode {
        return Some(Decoded {
            length: at as u64 + 4,
            leads: Leads::Branch(opcode & 15, displacement(code, at)?),
            changes: 0,
            memory: None,
            looks: false,
            stores: false,
        });
    }
    const REGISTERS: u8 = 0xc0;
    let modrm = code.get(at).copied().unwrap_or(0);
    let reg = modrm >> 3 & 7;
    let operands = match opcode {
        0x11 | 0x13 | 0x17 | 0x29 | 0x2b | 0x7f | 0xd6 | 0xe7 => Memory(0, true),
        0x7e => Memory(0, !prefixes.repeat),
        0x10..=0x1f | 0x28..=0x2f | 0x40..=0x4f | 0x51..=0x6f | 0x74..=0x76 => Memory(0, false),
        0x70 => Memory(1, false),
        0x90..=0x9f => Memory(0, true),
        0xa3 | 0xaf | 0xb0 | 0xb1 | 0xb6..=0xb8 | 0xbc..=0xbf => Memory(0, false),
        0xa4 | 0xac => Memory(1, true),
        0xa5 | 0xab | 0xad | 0xb3 | 0xbb | 0xc0 | 0xc1 => Memory(0, true),
        // Fences.
        0xae if modrm >= REGISTERS && reg > 4 && !prefixes.repeat => Memory(0, false),
        0xba => Memory(1, reg > 4),
        // cmpxchg8b, not what reads random numbers or the processor.
        0xc7 if modrm < REGISTERS && reg == 1 => Memory(0, true),
        0xc8..=0xcf => Immediate(0),
        // Not maskmovdqu, which has its destination in no operand.
        0xd1..=0xf6 | 0xf8..=0xfe => Memory(0, false),
        _ => return None,
    };
    let mut decoded = with_operands(code, at, operands, prefixes)?;
    decoded.changes = changes::two_byte(opcode, modrm, prefixes.rex);
    decoded.looks = matches!(opcode, 0xb6 | 0xb7 | 0xbe | 0xbf);
    if matches!(opcode, 0x18..=0x1f) {
        // Hints.
        decoded.memory = None;
    }
    Some(decoded)
}

fn with_operands(
    code: &[u8],
    at: usize,
    operands: Operands,
    prefixes: &Prefixes,
) -> Option<Decoded> {
    let (length, memory, is_destination) = match operands {
        Operands::Immediate(bytes) => (at + bytes, None, false),
        Operands::Memory(bytes, is_destination) => {
            let (length, memory) = memory_operand(code.get(at..)?, prefixes)?;
            (at + length + bytes, memory, is_destination)
        }
    };
    let is_frame = |memory: Memory| memory.registers & FRAME_REGISTERS != 0;
    (length <= code.len()).then_some(Decoded {
        length: length as u64,
        leads: Leads::On,
        changes: 0,
        memory,
        looks: false,
        stores: is_destination && memory.is_some_and(|memory| !is_frame(memory)),
    })
}

/// Bytes of ModRM, SIB and displacement, and the memory that they name.
fn memory_operand(code: &[u8], prefixes: &Prefixes) -> Option<(usize, Option<Memory>)> {
    let modrm = *code.first()?;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return Some((1, None));
    }
    let (mut length, mut base) = (1, rm);
    let mut registers = 0u16;
    if rm == STACK {
        let sib = *code.get(1)?;
        base = sib & 7;
        length = 2;
        let index = sib >> 3 & 7 | (prefixes.rex & 2) << 2;
        if index != STACK {
            registers |= 1 << index;
        }
    }
    // Without a base there is a displacement of four bytes.
    let has_none = mode == 0 && base == FRAME;
    length += match mode {
        0 if has_none => 4,
        0 => 0,
        1 => 1,
        _ => 4,
    };
    if !has_none {
        registers |= 1 << (base | (prefixes.rex & 1) << 3);
    }
    let is_local = prefixes.segment;
    let memory = Memory {
        registers,
        is_local,
    };
    Some((length, Some(memory)))
}
