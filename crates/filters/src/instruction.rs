//! Instructions, and what they look at.

/// `struct sock_filter` (include/uapi/linux/filter.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    pub code: u16,
    /// How many instructions a jump passes over if its condition holds.
    pub jump_true: u8,
    /// And if it does not.
    pub jump_false: u8,
    pub value: u32,
}

/// `BPF_MAXINSNS`
pub const MOST_INSTRUCTIONS: usize = 4096;

/// `struct seccomp_data` (include/uapi/linux/seccomp.h): a call as a filter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CallData {
    pub number: i32,
    /// `AUDIT_ARCH_*`
    pub architecture: u32,
    /// Behind the instruction that made the call.
    pub instruction_pointer: u64,
    pub args: [u64; 6],
}

impl CallData {
    /// Bytes of the structure.
    pub const SIZE: u32 = core::mem::size_of::<CallData>() as u32;
    /// Offsets of two words that do not depend on a call's arguments.
    pub const NUMBER_AT: u32 = 0;
    pub const ARCHITECTURE_AT: u32 = 4;

    /// The word at an offset, which [`crate::check`] has found to be a multiple of 4 inside the structure.
    pub fn word(&self, offset: u32) -> u32 {
        let half = |value: u64| (value >> (offset % 8 * 8)) as u32;
        match offset {
            0..4 => self.number as u32,
            4..8 => self.architecture,
            8..16 => half(self.instruction_pointer),
            _ => self
                .args
                .get(offset as usize / 8 - 2)
                .map_or(0, |&value| half(value)),
        }
    }
}

const _: () = assert!(CallData::SIZE == 64);

/// Codes of the instructions that a filter may have: class, size or operation, mode or source.
pub mod code {
    pub const LOAD_CONSTANT: u16 = 0x00;
    pub const LOAD_X_CONSTANT: u16 = 0x01;
    pub const LOAD_WORD: u16 = 0x20;
    pub const LOAD_CELL: u16 = 0x60;
    pub const LOAD_X_CELL: u16 = 0x61;
    pub const LOAD_LENGTH: u16 = 0x80;
    pub const LOAD_X_LENGTH: u16 = 0x81;
    pub const STORE: u16 = 0x02;
    pub const STORE_X: u16 = 0x03;
    pub const RETURN: u16 = 0x06;
    pub const RETURN_A: u16 = 0x16;
    pub const TO_X: u16 = 0x07;
    pub const FROM_X: u16 = 0x87;
    pub const JUMP: u16 = 0x05;

    /// The classes that arithmetic and conditional jumps have; with [`BY_X`] the operand is X.
    pub const ARITHMETIC: u16 = 0x04;
    pub const CONDITION: u16 = 0x05;
    pub const BY_X: u16 = 0x08;
    pub const CLASS: u16 = 0x07;
    pub const OPERATION: u16 = 0xf0;

    pub const ADD: u16 = 0x00;
    pub const SUBTRACT: u16 = 0x10;
    pub const MULTIPLY: u16 = 0x20;
    pub const DIVIDE: u16 = 0x30;
    pub const OR: u16 = 0x40;
    pub const AND: u16 = 0x50;
    pub const SHIFT_LEFT: u16 = 0x60;
    pub const SHIFT_RIGHT: u16 = 0x70;
    pub const NEGATE: u16 = 0x80;
    pub const XOR: u16 = 0xa0;

    pub const EQUAL: u16 = 0x10;
    pub const GREATER: u16 = 0x20;
    pub const GREATER_EQUAL: u16 = 0x30;
    pub const ANY_BIT: u16 = 0x40;
}
