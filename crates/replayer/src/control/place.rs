//! Where the replay stands, and why.

use super::message::Reason;

/// A place where the replay has stopped, or would have.
#[derive(Clone, Copy, Debug)]
pub struct StopPoint {
    pub reason: Reason,
    pub event: u64,
    pub instructions: u64,
    pub total: u64,
    pub tid: u32,
    /// By reason: address of the breakpoint, or kind and code of the event.
    pub detail: [u64; 2],
}
