//! When a snapshot is taken.

use core::sync::atomic::Ordering;

use reenact_trace::snapshot::obstacle;
use reenact_trace::{EventHeader, EventKind};

use super::{common, copy, wishes};
use crate::thread::Thread;
use crate::{arena, companions, log, ptrace, sharing_group};

/// The thread has logged an event and goes on behind it: take a snapshot, if that is possible here.
#[cold]
#[inline(never)]
pub fn take(thread: &mut Thread) {
    // Elsewhere than behind its own event: at another one.
    if let Some(behind) = event_behind(thread) {
        wishes::met();
        let why_not = obstacle();
        arena::slot().obstacle.store(why_not, Ordering::Relaxed);
        if why_not == obstacle::NONE && log::recording() {
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

/// Why a snapshot cannot have all there is.
fn obstacle() -> u32 {
    let is_in_turns = sharing_group::is_member() && sharing_group::turn_alone().is_none();
    if companions::any() {
        obstacle::COMPANIONS
    } else if is_in_turns {
        obstacle::TURNS
    } else if !common::can_be_written() {
        obstacle::SHARED_MEMORY
    } else if ptrace::links::any() {
        obstacle::PTRACE
    } else if !wishes::are_possible() {
        obstacle::CHILDREN_DIFFER
    } else {
        obstacle::NONE
    }
}
