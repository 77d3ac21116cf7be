//! What lies behind: one record for each event that has taken effect.

use alloc::vec::Vec;

use reenact_trace::event::{flags, start, KILLED_THREAD};
use reenact_trace::{EventHeader, EventKind};

/// An event as it was passed.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    pub index: u64,
    /// Instructions executed between the event before it and this one.
    pub before: u64,
    /// Whether the event had an instruction of its own, which counts.
    pub own_instruction: bool,
    /// Whether the running thread's registers are others than before.
    pub is_visible: bool,
    pub kind: EventKind,
    pub code: u16,
}

impl Passed {
    pub const SIZE: usize = 24;

    /// As it is sent (docs/internals/control-protocol.md).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&self.before.to_le_bytes());
        let flags = u8::from(self.own_instruction) | u8::from(self.is_visible) << 1;
        out.extend_from_slice(&[self.kind as u8, flags]);
        out.extend_from_slice(&self.code.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
    }
}

/// Whether an event changes the registers of the thread it happens in, so that a step ends there.
/// An image that has begun is no place to stand yet: its registers come with `ImageReady`.
pub fn changes_registers(kind: EventKind, header: &EventHeader) -> bool {
    use reenact_freestanding::numbers as n;
    match kind {
        EventKind::Syscall
        | EventKind::ImageReady
        | EventKind::SignalDelivered
        | EventKind::SignalReturn
        | EventKind::Instruction
        | EventKind::VforkReturn => true,
        EventKind::Exit if header.flags & flags::FILTERED != 0 => {
            header.result & KILLED_THREAD != 0
        }
        EventKind::Exit => matches!(u64::from(header.code), n::EXIT | n::EXIT_GROUP),
        _ => false,
    }
}

/// Whether a process can first be looked at after this event.
pub fn begins_life(kind: EventKind, header: &EventHeader) -> bool {
    kind == EventKind::ImageReady || kind == EventKind::ProcessStart && header.code == start::FORK
}
