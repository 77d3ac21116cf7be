//! What a return that loads a segment register pops.

use iced_x86::{Code, Instruction};

/// Most words that one pops.
pub(crate) const MOST_WORDS: usize = 5;

/// What is popped, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FarReturn {
    /// Bytes of each word on the stack: 4 or 8.
    pub size: u8,
    /// `iret`: flags, stack pointer and stack segment are popped as well.
    pub is_interrupt: bool,
    /// Bytes to drop from the stack besides.
    pub more: u16,
    /// Of the instruction, bytes.
    pub length: u8,
}

impl FarReturn {
    /// `None` for instructions that are something else, or have 16-bit operands.
    pub fn of(i: &Instruction) -> Option<FarReturn> {
        let (size, is_interrupt) = match i.code() {
            Code::Iretd => (4, true),
            Code::Iretq => (8, true),
            Code::Retfd | Code::Retfd_imm16 => (4, false),
            Code::Retfq | Code::Retfq_imm16 => (8, false),
            _ => return None,
        };
        Some(FarReturn {
            size,
            is_interrupt,
            more: if i.op_count() == 1 {
                i.immediate16()
            } else {
                0
            },
            length: i.len() as u8,
        })
    }

    pub fn words(self) -> usize {
        if self.is_interrupt {
            MOST_WORDS
        } else {
            2
        }
    }
}
