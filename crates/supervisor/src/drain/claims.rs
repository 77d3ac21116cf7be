//! Slots claimed for children that have not taken them over yet.
//!
//! Between its making and its first event a child can be killed, and then nobody but us can say
//! that it was there: the parent's log names it, so it must have a log.

use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reenact_trace::arena::{slot_state, Slot};
use reenact_trace::{EventHeader, EventKind};

use super::Drain;
use crate::machine;
use crate::process_watch;
use crate::tracked::{Tracked, Watch, WATCH_AFTER};

/// A slot claimed for so long by a process that is gone is free again.
const ABANDONED_AFTER: Duration = Duration::from_secs(5);
/// A slot claimed for a child that never came does not keep a recording open longer.
const LIMIT: Duration = Duration::from_millis(500);

/// One claimed slot.
pub(super) struct Claim {
    process: u32,
    since: Instant,
    watch: Watch,
}

impl Claim {
    fn new(process: u32, since: Instant) -> Claim {
        Claim {
            process,
            since,
            watch: Watch::NotYet,
        }
    }

    fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.since)
    }

    /// Whether the child is worth waiting for when all others have ended.
    pub(super) fn is_awaited(&self, now: Instant) -> bool {
        matches!(self.watch, Watch::By(_)) || self.age(now) < LIMIT
    }

    /// Whether the child was made and is gone. `last_call`: the recording is about to end.
    fn died_before_start(&mut self, slot: &Slot, now: Instant, last_call: bool) -> bool {
        let child = slot
            .created_child()
            .filter(|&(process, _)| process == self.process);
        let Some((_, pid)) = child else {
            return false;
        };
        if matches!(self.watch, Watch::NotYet) && self.age(now) >= WATCH_AFTER {
            self.watch = Watch::of(pid);
        }
        match &self.watch {
            Watch::NotYet => false,
            Watch::By(descriptor) => process_watch::dead(&[descriptor.as_raw_fd()])[0],
            // Dead and forgotten; or its number is one of another pid namespace.
            Watch::Missing => self.age(now) >= if last_call { LIMIT } else { ABANDONED_AFTER },
        }
    }
}

impl Drain {
    pub(super) fn note_claim(&mut self, index: usize, now: Instant) {
        let root_ended = self.control.root().is_some();
        if index == 0 && root_ended {
            // Of the first process, `Control` knows whether it is still to come.
            self.claimed.remove(&index);
            return;
        }
        let arena = self.arena.clone();
        let slot = arena.slot(index);
        let process = slot.process.load(Ordering::Acquire);
        let claim = self.claimed.entry(index);
        let claim = claim.or_insert_with(|| Claim::new(process, now));
        if claim.process != process {
            *claim = Claim::new(process, now);
        }
        if claim.died_before_start(slot, now, root_ended) {
            // Nobody else writes here any more; that it is dead was seen before this is read.
            if slot.state.load(Ordering::Acquire) == slot_state::CLAIMED {
                self.note_dead_child(index, now);
            }
            return;
        }
        // A parent that dies between claiming a slot and making the child leaves it claimed.
        let abandoned = claim.age(now) >= ABANDONED_AFTER && slot.created_child().is_none();
        let parent = slot.exec.parent_process;
        if index > 0 && abandoned && self.tracked.iter().all(|other| other.process != parent) {
            self.claimed.remove(&index);
            self.arena.release_slot(index);
        }
    }

    /// The child is tracked as one that has died, without an event.
    fn note_dead_child(&mut self, index: usize, now: Instant) {
        let claim = self.claimed.remove(&index);
        self.note_process(index, now);
        if let (Some(claim), Some(tracked)) = (claim, self.tracked.last_mut()) {
            tracked.watch = claim.watch;
            tracked.died = Some(now);
        }
    }

    /// Children that are still to come when the recording is closed.
    pub(super) fn note_expected_children(&mut self, now: Instant) {
        let claimed: Vec<usize> = self.claimed.keys().copied().collect();
        for index in claimed {
            if self.arena.slot(index).created_child().is_some() {
                self.note_process(index, now);
            }
        }
    }

    /// The first event of a process that never wrote one, as it would have written it.
    pub(super) fn missing_start(&self, tracked: &Tracked) -> EventHeader {
        let exec = &self.arena.slot(tracked.slot).exec;
        let parent = exec.parent_process;
        let parent_pid = self.tracked.iter().find(|other| other.process == parent);
        EventHeader {
            size: EventHeader::SIZE as u32,
            kind: EventKind::ProcessStart as u8,
            code: exec.start as u16,
            tid: tracked.pid,
            time: machine::time_stamp(),
            args: [
                u64::from(parent),
                exec.parent_event,
                u64::from(tracked.pid),
                parent_pid.map_or(0, |parent| u64::from(parent.pid)),
                0,
                0,
            ],
            ..EventHeader::default()
        }
    }
}
