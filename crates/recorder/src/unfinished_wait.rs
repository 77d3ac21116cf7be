//! A wait for a limited time that a tracer has interrupted.

use reenact_trace::Registers;

/// When a wait began, by the time-stamp counter, and how long it is to last.
#[derive(Clone, Copy, Default)]
pub struct Span {
    pub began: u64,
    pub length_ns: u64,
}

/// The wait of a call that was stopped by its tracer, which a later call may go on with.
#[derive(Clone, Copy, Default)]
pub struct UnfinishedWait {
    /// The program is about to make that call.
    pub is_due: bool,
    /// The call that was stopped went on with an earlier one itself.
    pub is_later: bool,
    pub number: u64,
    pub ip: u64,
    pub stack: u64,
    pub span: Span,
}

impl UnfinishedWait {
    /// Whether the call that a thread with these registers makes is the one that goes on with the wait.
    pub fn is_call(&self, number: u64, registers: &Registers) -> bool {
        let at = (self.number, self.ip, self.stack);
        self.is_due && at == (number, registers.rip, registers.rsp)
    }
}
