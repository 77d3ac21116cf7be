//! Signals of a thread while it is led out.

/// The signals that an instruction raises: ILL, TRAP, BUS, FPE, SEGV, SYS.
pub const SYNCHRONOUS: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;
/// The mask of a thread that does a step.
pub const HELD_BACK: u64 = !SYNCHRONOUS;
/// SIGSYS, by which threads of the process ask each other.
pub const ASKS: u64 = 1 << 30;
