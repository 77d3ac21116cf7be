//! Agent expressions: small programs that a debugger has evaluated where the program is, such as the
//! condition of a breakpoint.
//!
//! Source: "The GDB Agent Expression Mechanism", appendix F of gdb's manual. An expression is bytes; it has a
//! stack of 64-bit values, reads registers and memory, and may collect memory on its way.
//!
//! Design constraints:
//! * It comes from a client, and may be anything: each expression ends, within a bounded number of steps, with a value
//!   or a [`Problem`].
//! * Nothing is allocated: it runs at each hit, and there may be millions.
//! * Evaluating changes nothing.

#![no_std]

mod evaluate;
mod opcode;
mod stack;

pub use evaluate::{evaluate, MOST_STEPS};
pub use opcode::Opcode;
pub use stack::DEPTH;

/// What an expression can see and do.
pub trait Program {
    /// A register by the number the client's description of the target gives it; `None`: there is none, or it has
    /// no 64 bits.
    fn register(&self, number: u16) -> Option<u64>;

    /// Copy memory; whether all of it can be read.
    fn read(&self, address: u64, into: &mut [u8]) -> bool;

    /// Keep memory for the client; whether it could be read.
    fn collect(&mut self, address: u64, length: u64) -> bool;
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It ends in the middle of an instruction, or without `end`.
    Cut,
    /// There is no such instruction.
    Unknown(u8),
    /// An instruction that gdb has as well, and that nobody needs for a condition: floating point, variables of a trace.
    Unsupported(Opcode),
    /// More values are used than there are.
    Empty,
    /// More values are kept than there is room for.
    Full,
    /// A jump out of the expression.
    BadJump(u16),
    /// A number of bits that no value has.
    BadWidth(u8),
    /// There is no such register.
    BadRegister(u16),
    /// Memory at this address cannot be read.
    BadMemory(u64),
    DivisionByZero,
    /// It runs round a loop without an end.
    Endless,
}
