//! What is remembered of a call's arguments while it is made.

use super::vectors::Vector;
use crate::access::{read_u32, Memory};

/// What outputs depend on that the call may overwrite.
#[derive(Clone, Debug)]
pub(super) enum Saved {
    Nothing,
    /// Nobody knows what the call writes.
    Unknown,
    /// The length in a value-result argument or a file handle.
    Length(u32),
    /// Address and size of a buffer named in a structure.
    Buffer(u64, u64),
    Vector(Vector),
    /// `struct msghdr` as words, and its vector.
    Message([u64; 7], Vector),
}

/// The `u32` at an address, as a length.
pub(super) fn read_length(address: u64, memory: &impl Memory) -> Saved {
    read_u32(address, memory).map_or(Saved::Nothing, Saved::Length)
}
