//! From a ring to the log file.

use std::sync::atomic::Ordering;
use std::time::Instant;

use reenact_trace::arena::{slot_state, Slot, RING_SIZE};
use reenact_trace::chunk::{landmark, EndRecord};
use reenact_trace::EventHeader;

use super::{note, reason, Drain, FLUSH_AFTER};
use crate::attaching::beginning;
use crate::chunk_maker::Batch;
use crate::cuts::cut;
use crate::deadline::NOT_KNOWN;
use crate::futex;
use crate::machine::epoch_ns;

/// A busy log is taken when it has this many bytes.
const BUSY_BYTES: u64 = 256 << 10;
/// Most bytes of one chunk.
const CHUNK_BYTES: u64 = 1 << 20;

impl Drain {
    /// Take what is due from every ring; whether anything was taken.
    pub(super) fn drain_all(&mut self, now: Instant) -> bool {
        let mut worked = false;
        let mut index = 0;
        while index < self.tracked.len() {
            let slot = self.arena.slot(self.tracked[index].slot);
            // Whether it has ended is read before `head`, so that nothing is missed.
            let root = self.tracked[index].process == 0;
            let goes_on = self.settings.is_attached && self.is_stopped();
            let root_gone = root && !goes_on && self.control.root().is_some();
            let ended = slot.state.load(Ordering::Acquire) == slot_state::ENDED
                || self.tracked[index].died.is_some()
                || root_gone;
            let pending = slot
                .head
                .load(Ordering::Acquire)
                .wrapping_sub(self.tracked[index].taken);
            let due = ended
                || pending >= BUSY_BYTES
                || slot.waiting.load(Ordering::Acquire) == 1
                || now.duration_since(self.tracked[index].last_flush) >= FLUSH_AFTER;
            if pending > 0 && due {
                self.take(index, now);
                worked = true;
            }
            if ended && (!root || root_gone) && self.finish(index, now) {
                worked = true;
                continue; // Another one is at this index now.
            }
            index += 1;
        }
        worked
    }

    /// Move everything published by one process into the log; before its first chunk, what older
    /// processes have published: without the event that made it, its log could not be replayed
    /// if the disk is full right after.
    pub(super) fn take(&mut self, index: usize, now: Instant) {
        if let Some((process, _)) = self.tracked[index].snapshot {
            // A snapshot is of no use without the events that follow it.
            let own = self.tracked.iter().position(|own| own.process == process);
            if let Some(own) = own {
                self.take_one(own, now);
            }
        } else if self.tracked[index].events == 0 {
            let process = self.tracked[index].process;
            let mut older: Vec<(u32, usize)> = (0..self.tracked.len())
                .map(|index| (self.tracked[index].process, index))
                .filter(|&(number, _)| number < process)
                .collect();
            older.sort_unstable();
            for (_, index) in older {
                self.take_one(index, now);
            }
        }
        self.take_one(index, now);
    }

    /// Move everything published by one process into the log.
    fn take_one(&mut self, index: usize, now: Instant) {
        let arena = self.arena.clone();
        let tracked = &mut self.tracked[index];
        let slot = arena.slot(tracked.slot);
        let head = slot.head.load(Ordering::Acquire);
        tracked.last_flush = now;
        tracked.last_progress = now;
        while tracked.taken != head {
            let pending = head.wrapping_sub(tracked.taken);
            let length = pending.min(CHUNK_BYTES);
            if tracked.damaged || pending > RING_SIZE {
                tracked.damaged = true;
                tracked.taken = head;
                break;
            }
            arena.copy_ring(
                tracked.slot,
                tracked.taken,
                length as usize,
                &mut self.scratch,
            );
            let cut = cut(&self.scratch);
            // The producer goes on while we compress.
            tracked.taken += if cut.damaged {
                length
            } else {
                cut.length as u64
            };
            give_room(slot, tracked.taken);
            tracked.ending = cut.ending.unwrap_or(tracked.ending);
            for (_, text) in &cut.notes {
                note(&mut self.report.messages, text);
            }
            if cut.damaged || cut.length == 0 {
                tracked.damaged = true;
                self.report.complete = false;
                let text = format!(
                    "the log of process {} (pid {}) was overwritten after event {}; the rest of it is lost",
                    tracked.process,
                    tracked.pid,
                    tracked.events + u64::from(cut.events),
                );
                note(&mut self.report.messages, &text);
            }
            if cut.events == 0 || self.closed || self.stop_reason == reason::DISK_FULL {
                continue;
            }
            let (process, first_event) = tracked
                .snapshot
                .unwrap_or((tracked.process, tracked.events));
            let batch = Batch {
                process,
                first_event,
                events: cut.events,
                landmarks: cut.landmarks,
                bytes: &self.scratch[..cut.length],
            };
            tracked.events += u64::from(cut.events);
            let is_beginning =
                self.settings.is_attached && tracked.snapshot == Some(beginning::PLACE);
            if is_beginning && cut.landmarks & landmark::SNAPSHOT != 0 {
                self.is_beginning = false;
            }
            let result = if is_beginning {
                self.sink.append_beginning(&batch)
            } else if tracked.snapshot.is_some() {
                self.sink.append_snapshot(&batch)
            } else {
                self.report.events += u64::from(cut.events);
                self.sink.append(&batch)
            };
            if let Err(error) = result {
                self.disk_failed(&error);
                return self.take_one(index, now);
            }
        }
        give_room(slot, tracked.taken);
    }

    /// Close the log of a process that has ended and free its slot; false when its
    /// status is still to come.
    pub(super) fn finish(&mut self, index: usize, now: Instant) -> bool {
        let tracked = &self.tracked[index];
        let status = match (tracked.process, self.control.root()) {
            (0, Some(NOT_KNOWN)) => Some(tracked.ending.unwrap_or(NOT_KNOWN)),
            (0, Some(status)) => Some(status),
            _ => tracked.wait_status(now),
        };
        let Some(wait_status) = status else {
            return false;
        };
        if tracked.process == 0 {
            self.report.root_status = tracked.ending;
        }
        if self.arena.slot(tracked.slot).head.load(Ordering::Acquire) != tracked.taken {
            return false;
        }
        self.write_end(index, wait_status, reason::ENDED);
        let tracked = self.tracked.swap_remove(index);
        if let (Some(ring), Some((process, event))) = (self.sink.ring(), tracked.snapshot) {
            ring.end_snapshot(process, event);
        }
        // Its copy may have been killed.
        self.is_beginning &= tracked.snapshot != Some(beginning::PLACE);
        self.known[tracked.slot] = false;
        self.arena.release_slot(tracked.slot);
        true
    }

    pub(super) fn write_end(&mut self, index: usize, wait_status: i32, why: u32) {
        let tracked = &self.tracked[index];
        if tracked.snapshot.is_some()
            || tracked.ended
            || self.closed
            || self.stop_reason == reason::DISK_FULL
        {
            return;
        }
        // Of the first process nothing at all means that no program was started.
        if tracked.events == 0 && tracked.process != 0 && !tracked.damaged {
            let start = self.missing_start(tracked);
            self.append_start(index, &start);
        }
        let tracked = &mut self.tracked[index];
        tracked.ended = true;
        let end = EndRecord {
            wait_status,
            reason: why,
            events: tracked.events,
            time: epoch_ns(),
        };
        let process = tracked.process;
        if let Err(error) = self.sink.append_end(process, &end) {
            self.disk_failed(&error);
        }
    }

    /// The log of a process that was killed before it could say anything: its start.
    fn append_start(&mut self, index: usize, start: &EventHeader) {
        let tracked = &mut self.tracked[index];
        let batch = Batch {
            process: tracked.process,
            first_event: 0,
            events: 1,
            landmarks: landmark::PROCESS_START,
            bytes: start.as_bytes(),
        };
        tracked.events = 1;
        self.report.events += 1;
        if let Err(error) = self.sink.append(&batch) {
            self.disk_failed(&error);
        }
    }
}

/// Advance `tail` and wake a producer that waits for it.
fn give_room(slot: &Slot, tail: u64) {
    slot.tail.store(tail, Ordering::SeqCst);
    if slot.waiting.load(Ordering::SeqCst) == 1 {
        slot.space.fetch_add(1, Ordering::SeqCst);
        futex::wake_all(&slot.space);
    }
}
