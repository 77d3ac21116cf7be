//! Slots claimed for children that have not taken them over yet.
//!
//! Between its making and its first event a child can be killed, and then nobody but us can say
//! that it was there: the parent's log names it, so it must have a log.

use std::sync::atomic::Ordering;
use std::time::Instant;

use reenact_trace::arena::slot_state;
use reenact_trace::{EventHeader, EventKind};

use super::claim::{Claim, ABANDONED_AFTER};
use super::Drain;
use crate::arena_memory::Life;
use crate::machine;
use crate::tracked::Tracked;

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
        let is_due = self
            .claimed
            .get(&index)
            .is_some_and(|claim| claim.is_watch_due(now));
        let is_ours = !is_due || self.names_as_we_do(slot.exec.parent_process);
        let claim = self.claimed.entry(index);
        let claim = claim.or_insert_with(|| Claim::new(process, now));
        if claim.process != process {
            *claim = Claim::new(process, now);
        }
        if claim.died_before_start(slot, now, root_ended, is_ours) {
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

    /// Whether the children of a process have the numbers for it that they have for us: not in another pid namespace.
    fn names_as_we_do(&self, process: u32) -> bool {
        let parent = self.tracked.iter().find(|other| other.process == process);
        parent.is_none_or(|parent| match self.arena.life(parent.slot) {
            Life::GoesOn(pid) => pid == self.arena.slot(parent.slot).pid.load(Ordering::Acquire),
            Life::Unknown | Life::Over => true,
        })
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
