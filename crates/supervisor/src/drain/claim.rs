//! A slot claimed for a child that has not taken it over yet.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use reenact_trace::arena::Slot;

use crate::process_watch;
use crate::tracked::{Watch, WATCH_AFTER};

/// A slot claimed for so long by a process that is gone is free again.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(5);
/// A slot claimed for a child that never came does not keep a recording open longer.
const LIMIT: Duration = Duration::from_millis(500);

/// One claimed slot.
pub(super) struct Claim {
    pub(super) process: u32,
    since: Instant,
    pub(super) watch: Watch,
}

impl Claim {
    pub(super) fn new(process: u32, since: Instant) -> Claim {
        Claim {
            process,
            since,
            watch: Watch::NotYet,
        }
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.since)
    }

    /// Whether the child is worth waiting for when all others have ended.
    pub(super) fn is_awaited(&self, now: Instant) -> bool {
        matches!(self.watch, Watch::By(_)) || self.age(now) < LIMIT
    }

    /// Whether it is time to begin to watch the child.
    pub(super) fn is_watch_due(&self, now: Instant) -> bool {
        matches!(self.watch, Watch::NotYet) && self.age(now) >= WATCH_AFTER
    }

    /// Whether the child was made and is gone. `last_call`: the recording is about to end. `is_ours`: its number is that
    /// of our pid namespace.
    pub(super) fn died_before_start(
        &mut self,
        slot: &Slot,
        now: Instant,
        last_call: bool,
        is_ours: bool,
    ) -> bool {
        let child = slot
            .created_child()
            .filter(|&(process, _)| process == self.process);
        let Some((_, pid)) = child else {
            return false;
        };
        if self.is_watch_due(now) {
            self.watch = if is_ours {
                Watch::of(pid)
            } else {
                Watch::Missing
            };
        }
        match &self.watch {
            Watch::NotYet => false,
            Watch::By(descriptor) => process_watch::dead(&[descriptor.as_raw_fd()])[0],
            // Dead and forgotten; or its number is one of another pid namespace.
            Watch::Missing => self.age(now) >= if last_call { LIMIT } else { ABANDONED_AFTER },
        }
    }
}
