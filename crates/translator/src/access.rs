//! What memory is watched, and what an instruction accesses.

use crate::masked_access::Mask;
use crate::string_access::Repeated;

/// A range of memory and the accesses that stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// [`Watch::READ`], [`Watch::WRITE`] or both.
    pub access: u8,
}

impl Watch {
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;

    /// The first byte that both have.
    pub fn touched(&self, start: u64, end: u64) -> Option<u64> {
        (start < self.end && self.start < end).then(|| self.start.max(start))
    }
}

/// An access of one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Bytes; 0: it is state of the XSAVE family, as many as its mask says.
    pub size: u16,
    /// That state is in the compacted format.
    pub is_compacted: bool,
    pub access: u8,
    /// One element of a string instruction that repeats itself.
    pub repeated: Option<Repeated>,
    /// Only some elements of the operand are touched.
    pub mask: Option<Mask>,
    /// Host offset at which translated code goes on.
    pub resume: u32,
}
