//! Instruction sites as the pool of the arena and the supervisor's cache hold them: words.

use crate::event::instruction;

/// A non-deterministic instruction of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstructionSite {
    /// Offset of its first byte, prefixes included.
    pub file_offset: u64,
    /// A constant of [`instruction`].
    pub kind: u16,
    /// Whether the flow of control was seen to reach it; if not, the bytes may be data.
    pub is_proven: bool,
}

const SUSPECTED: u64 = 0x80;

impl InstructionSite {
    /// The word that stands for it.
    pub fn to_word(self) -> u64 {
        let suspected = if self.is_proven { 0 } else { SUSPECTED };
        self.file_offset << 8 | suspected | u64::from(self.kind)
    }

    /// `None` for a word that names no instruction.
    pub fn from_word(word: u64) -> Option<InstructionSite> {
        let kind = (word & 0x7f) as u16;
        instruction::name(kind)?;
        Some(InstructionSite {
            file_offset: word >> 8,
            kind,
            is_proven: word & SUSPECTED == 0,
        })
    }
}

/// A system call instruction of a file of which it is known what surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownCall {
    pub file_offset: u64,
    /// An instruction of five bytes lies before it, and no branch leads into it.
    pub follows_mov: bool,
    /// One of six bytes lies behind it, and no branch leads to it or into it.
    pub precedes_compare: bool,
}

const FOLLOWS_MOV: u64 = 1;
const PRECEDES_COMPARE: u64 = 2;

impl KnownCall {
    /// The word that stands for it.
    pub fn to_word(self) -> u64 {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        self.file_offset << 8
            | flag(self.follows_mov, FOLLOWS_MOV)
            | flag(self.precedes_compare, PRECEDES_COMPARE)
    }

    /// What a word stands for.
    pub fn from_word(word: u64) -> KnownCall {
        KnownCall {
            file_offset: word >> 8,
            follows_mov: word & FOLLOWS_MOV != 0,
            precedes_compare: word & PRECEDES_COMPARE != 0,
        }
    }
}
