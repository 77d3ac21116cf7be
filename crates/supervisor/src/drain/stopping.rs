//! When a recording ends, and what ends it early.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reenact_trace::arena::state;

use super::claim::Claim;
use super::{note, reason, Drain};
use crate::detaching::{self, DetachError};
use crate::forwarding;
use crate::futex;
use crate::interrupts;
use crate::reason::Reason;
use crate::tracked::{Tracked, NO_PROCESS};

/// Time for programs to see that the recording has stopped.
const STOP_GRACE: Duration = Duration::from_millis(200);

impl Drain {
    /// React to Ctrl-C and to signals sent to us alone.
    pub(super) fn obey(&mut self, now: Instant) {
        let interrupts = interrupts::pressed();
        let enough = if self.settings.is_attached { 1 } else { 2 };
        let told = if interrupts >= enough {
            Some("recording stopped by Ctrl-C; the program went on")
        } else if forwarding::asked_to_stop() {
            Some("recording stopped by a signal; processes that outlived the program went on")
        } else if self.arena.header().end_wanted.load(Ordering::Acquire) != 0 {
            Some("recording stopped by `reenact detach`; the program went on")
        } else {
            self.stop_wanted
        };
        // Without its beginning there would be no trace; who insists has none.
        let must_wait = self.is_beginning && interrupts <= enough;
        if let (Some(message), None, false) = (told, self.stopped_at, must_wait) {
            self.stop(now, reason::STOPPED);
            note(&mut self.report.messages, message);
        }
        let grace_over = |stopped: Instant| now.duration_since(stopped) >= STOP_GRACE;
        if !self.closed && self.stopped_at.is_some_and(grace_over) {
            self.close(now);
        }
        if interrupts >= 3 && !self.killed {
            self.killed = true;
            for tracked in &self.tracked {
                // A dead process's number is not used again while we hold its descriptor.
                if tracked.pid != 0 && tracked.died.is_none() {
                    // SAFETY: plain system call.
                    unsafe { libc::kill(tracked.pid as libc::pid_t, libc::SIGKILL) };
                }
            }
        }
    }

    /// Whether somebody has said, in the arena too, that nothing is recorded any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.arena.header().state.load(Ordering::SeqCst) == state::STOPPED
    }

    pub(super) fn stop(&mut self, now: Instant, why: u32) {
        self.arena
            .header()
            .state
            .store(state::STOPPED, Ordering::SeqCst);
        self.stopped_at = Some(now);
        self.stop_reason = why;
        self.report.complete = false;
        for tracked in &self.tracked {
            let slot = self.arena.slot(tracked.slot);
            slot.space.fetch_add(1, Ordering::SeqCst);
            futex::wake_all(&slot.space);
        }
    }

    /// End every log: programs have had their time to see the stop. Those that write on
    /// are drained, so that they do not wait for room, but what they write is dropped.
    pub(super) fn close(&mut self, now: Instant) {
        self.note_expected_children(now);
        for index in 0..self.tracked.len() {
            self.take(index, now);
            self.write_end(index, -1, reason::STOPPED);
        }
        self.closed = true;
        if self.settings.is_attached {
            self.lead_out();
        }
    }

    /// Nothing of ours stays in the processes that have been recorded, as far as it can be taken back.
    fn lead_out(&mut self) {
        let living =
            |one: &&Tracked| one.process != NO_PROCESS && one.pid != 0 && one.died.is_none();
        let pids: Vec<u32> = self
            .tracked
            .iter()
            .filter(living)
            .map(|one| one.pid)
            .collect();
        for pid in pids {
            match detaching::lead_out(pid as libc::pid_t) {
                Ok(()) | Err(DetachError::NoProcess { .. } | DetachError::NotRecorded { .. }) => {}
                Err(error) => note(&mut self.report.messages, &error.to_string()),
            }
        }
    }

    pub(super) fn disk_failed(&mut self, error: &std::io::Error) {
        if self.stop_reason != reason::DISK_FULL {
            self.stop(Instant::now(), reason::DISK_FULL);
            let text = format!(
                "recording stopped: the trace cannot be written: {}",
                Reason(error)
            );
            note(&mut self.report.messages, &text);
        }
    }

    /// Children that are still to come.
    fn awaited(&self, now: Instant) -> usize {
        let awaited = |claim: &&Claim| claim.is_awaited(now);
        self.claimed.values().filter(awaited).count()
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn finished(&mut self, now: Instant) -> bool {
        if self.control.root().is_none() {
            return false;
        }
        let since = *self.root_ended_at.get_or_insert(now);
        if self.tracked.is_empty() && self.awaited(now) == 0 {
            // Those that have ended may have made others since we looked for slots in this pass.
            self.find_slots(now);
        }
        let awaited = self.awaited(now);
        if self.tracked.is_empty() && awaited == 0 {
            return true;
        }
        match self.stopped_at {
            None if now.duration_since(since) >= self.settings.linger => {
                self.stop(now, reason::STOPPED);
                let text = format!(
                    "{} process(es) outlived the first one and go on unrecorded",
                    self.tracked.len() + awaited
                );
                note(&mut self.report.messages, &text);
                false
            }
            Some(_) if self.closed => true,
            _ => false,
        }
    }
}
