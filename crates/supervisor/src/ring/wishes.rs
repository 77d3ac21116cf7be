//! When every process is asked for a snapshot: so often that the ring holds several, and never so often that the programs
//! would notice.

use std::time::{Duration, Instant};

/// Of the limit, what comes between two: the logs, and the snapshots of one round.
const ROUNDS: u64 = 4;
/// The least of the limit that logs have between two rounds, however large snapshots are.
const LEAST: u64 = 16;
/// Between two at least, and as a multiple of the time that the last one took.
const PAUSE: Duration = Duration::from_millis(100);
const TIMES: u32 = 10;
/// After so long there is another one, if anything has been logged.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) struct Wishes {
    limit: u64,
    asked: Instant,
    /// Of the last round: bytes of its snapshots, how long until the last of them had come.
    snapshots: u64,
    took: Duration,
    /// Bytes of logs since then.
    logged: u64,
    rounds: u64,
}

impl Wishes {
    pub(super) fn new(limit: u64, now: Instant) -> Wishes {
        Wishes {
            limit,
            asked: now,
            snapshots: 0,
            took: Duration::ZERO,
            logged: 0,
            rounds: 0,
        }
    }

    /// How often there has been one.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(super) fn note_log(&mut self, bytes: u64) {
        self.logged += bytes;
    }

    pub(super) fn note_snapshot(&mut self, bytes: u64, now: Instant) {
        self.snapshots += bytes;
        self.took = now.duration_since(self.asked);
    }

    /// Whether it is time; a new round begins then.
    pub(super) fn are_due(&mut self, now: Instant) -> bool {
        let since = now.duration_since(self.asked);
        let round = (self.limit / ROUNDS).saturating_sub(self.snapshots);
        let is_much = self.logged >= round.max(self.limit / LEAST);
        let is_late = since >= LONGEST && self.logged > 0;
        // A process that was idle takes its snapshot late: that says nothing of what it takes.
        let took = self.took.min(LONGEST / (2 * TIMES));
        let is_early = self.rounds > 0 && since < PAUSE.max(took * TIMES);
        if is_early || !(is_much || is_late) {
            return false;
        }
        self.rounds += 1;
        (self.asked, self.snapshots, self.logged) = (now, 0, 0);
        true
    }
}
