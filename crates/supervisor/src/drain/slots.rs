//! Which slots are in use, and by processes that live.

use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reenact_trace::arena::{slot_state, SLOT_COUNT};

use super::Drain;
use crate::arena_memory::Life;
use crate::process_watch;
use crate::tracked::{Tracked, Watch, NO_PROCESS};

const WATCH_EVERY: Duration = Duration::from_millis(10);
/// Slots beyond the highest one in use that are looked at in every pass.
const LOOK_AHEAD: usize = 64;
const FULL_SCAN_EVERY: Duration = Duration::from_secs(1);

impl Drain {
    /// Notice slots that have come into use.
    pub(super) fn find_slots(&mut self, now: Instant) {
        let mut end = (self.highest + LOOK_AHEAD).min(SLOT_COUNT);
        if now.duration_since(self.last_full_scan) >= FULL_SCAN_EVERY {
            self.last_full_scan = now;
            end = SLOT_COUNT.min(self.highest * 2 + 16 * LOOK_AHEAD);
        }
        for index in 0..end {
            if self.known[index] {
                continue;
            }
            let slot = self.arena.slot(index);
            match slot.state.load(Ordering::Acquire) {
                slot_state::FREE => {
                    if !self.claimed.is_empty() {
                        self.claimed.remove(&index);
                    }
                    continue;
                }
                slot_state::CLAIMED => self.note_claim(index, now),
                _ => self.note_process(index, now),
            }
            self.highest = self.highest.max(index + 1);
        }
    }

    pub(super) fn note_process(&mut self, index: usize, now: Instant) {
        self.claimed.remove(&index);
        self.known[index] = true;
        let slot = self.arena.slot(index);
        let process = slot.process.load(Ordering::Acquire);
        if slot.holds_snapshot.load(Ordering::Acquire) != 0 {
            let pid = slot.pid.load(Ordering::Acquire);
            let mut copy = Tracked::new(index, NO_PROCESS, pid, now);
            copy.snapshot = Some((process, slot.exec.parent_event));
            self.tracked.push(copy);
            return;
        }
        // What its parent calls it is more often what we call it, where namespaces differ.
        let child = slot
            .created_child()
            .filter(|&(number, _)| number == process);
        let pid = child.map_or_else(|| slot.pid.load(Ordering::Acquire), |(_, pid)| pid);
        if let Some(ring) = self.sink.ring() {
            ring.note_process(process, pid, now);
        }
        self.tracked.push(Tracked::new(index, process, pid, now));
        self.report.processes += u32::from(!self.closed);
    }

    pub(super) fn look_for_deaths(&mut self, now: Instant) {
        if now.duration_since(self.last_watch) < WATCH_EVERY {
            return;
        }
        self.last_watch = now;
        let mut descriptors = Vec::new();
        let mut owners = Vec::new();
        for (index, tracked) in self.tracked.iter_mut().enumerate() {
            if tracked.pid == 0 {
                tracked.pid = self.arena.slot(tracked.slot).pid.load(Ordering::Acquire);
            }
            if tracked.is_watch_due(now) {
                tracked.watch = match self.arena.life(tracked.slot) {
                    Life::GoesOn(pid) => Watch::of(pid),
                    Life::Unknown | Life::Over => Watch::of(tracked.pid),
                };
            }
            if tracked.is_silent(now) {
                let is_dead = match self.arena.life(tracked.slot) {
                    Life::Unknown => matches!(tracked.watch, Watch::Missing),
                    Life::Over => true,
                    Life::GoesOn(_) => false,
                };
                if is_dead {
                    tracked.died = tracked.died.or(Some(now));
                }
                // Look again only after so long.
                tracked.last_progress = now;
            }
            if let (Watch::By(descriptor), None) = (&tracked.watch, tracked.died) {
                descriptors.push(descriptor.as_raw_fd());
                owners.push(index);
            }
        }
        if descriptors.is_empty() {
            return;
        }
        for (owner, dead) in owners.into_iter().zip(process_watch::dead(&descriptors)) {
            let tracked = &mut self.tracked[owner];
            if dead && matches!(self.arena.life(tracked.slot), Life::GoesOn(_)) {
                // Another process had its number, in our namespace.
                tracked.watch = Watch::Missing;
            } else if dead {
                tracked.died = Some(now);
            }
        }
    }
}
