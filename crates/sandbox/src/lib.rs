//! The wall round a replayer, as far as it is a table: which system calls it may make, with which
//! arguments, and the seccomp program that says so to the kernel.
//!
//! Design constraints:
//! * A trace may be somebody else's. The program in it can take over the process that replays it
//!   (docs/trust.md), so what this table lets through is what a hostile trace can do.
//! * Pure, and without memory of its own: the replayer, which has no library, and its tests, which
//!   try every call from the outside, take the same table.
#![no_std]

mod filter;
mod policy;

pub use filter::{Filter, Instruction};
pub use policy::{replayer, waiter, Access, Serving};
