//! When a snapshot is taken.

use reenact_trace::{EventHeader, EventKind};

use super::{copy, wishes};
use crate::thread::Thread;
use crate::{address_space, companions, log, ptrace, sharing_group};

/// The thread has logged an event and goes on behind it: take a snapshot, if that is possible here.
#[cold]
#[inline(never)]
pub fn take(thread: &mut Thread) {
    // Elsewhere than behind its own event: at another one.
    if let Some(behind) = event_behind(thread) {
        wishes::met();
        if is_possible() {
            copy::make(thread, &behind);
        }
    }
}

/// The last event, if this thread stands behind it.
fn event_behind(thread: &Thread) -> Option<EventHeader> {
    let last = log::last_record()?;
    let is_place = matches!(
        EventKind::from_u8(last.kind),
        Some(
            EventKind::Syscall
                | EventKind::Instruction
                | EventKind::SignalDelivered
                | EventKind::SignalReturn
                | EventKind::Preempted
        )
    );
    let is_plain = !thread.vfork_child && !thread.is_stepped && thread.awaited_child == 0;
    (is_place && is_plain && last.tid == thread.tid).then_some(last)
}

/// Whether a snapshot can have all there is.
fn is_possible() -> bool {
    let mut has_common = false;
    address_space::for_made(|area| has_common |= area.is_common());
    log::recording()
        && wishes::are_possible()
        && !has_common
        && !companions::any()
        && !sharing_group::is_member()
        && !ptrace::links::any()
}
