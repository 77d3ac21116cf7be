//! What the drain loop remembers of one recorded process.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::process_watch;

/// A process is watched through a descriptor only when it lives longer than this:
/// short ones say themselves that they end.
pub const WATCH_AFTER: Duration = Duration::from_millis(5);
/// A process that cannot be found (pid of another namespace, or dead) and has no lock by which it shows that it lives
/// counts as dead when it has logged nothing for so long.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// A dead process keeps its status to itself until its parent has reaped it; wait so long.
const STATUS_FOR: Duration = Duration::from_millis(200);

/// How a process is watched.
pub enum Watch {
    NotYet,
    By(OwnedFd),
    /// There is no process of that pid.
    Missing,
}

impl Watch {
    /// Watch the process of this pid, if there is one.
    pub fn of(pid: u32) -> Watch {
        match process_watch::open(pid) {
            Ok(descriptor) => Watch::By(descriptor),
            Err(_) => Watch::Missing,
        }
    }
}

/// Number of a process that is none: a copy of one, which writes a snapshot.
pub const NO_PROCESS: u32 = u32::MAX;

/// One recorded process.
pub struct Tracked {
    pub slot: usize,
    pub process: u32,
    /// What it writes is a snapshot of this process, behind this event.
    pub snapshot: Option<(u32, u64)>,
    pub pid: u32,
    pub first_seen: Instant,
    pub last_progress: Instant,
    pub last_flush: Instant,
    /// Bytes taken from the ring.
    pub taken: u64,
    /// Events taken.
    pub events: u64,
    /// What the last event says of the process' end, as a wait status.
    pub ending: Option<i32>,
    pub watch: Watch,
    pub died: Option<Instant>,
    /// Its log is not readable any more; what follows is thrown away.
    pub damaged: bool,
    /// Its END chunk is written (the slot stays until the process lets go of it).
    pub ended: bool,
}

impl Tracked {
    pub fn new(slot: usize, process: u32, pid: u32, now: Instant) -> Tracked {
        Tracked {
            slot,
            process,
            snapshot: None,
            pid,
            first_seen: now,
            last_progress: now,
            last_flush: now,
            taken: 0,
            events: 0,
            ending: None,
            watch: Watch::NotYet,
            died: None,
            damaged: false,
            ended: false,
        }
    }

    /// Whether it is time to begin to watch it.
    pub fn is_watch_due(&self, now: Instant) -> bool {
        matches!(self.watch, Watch::NotYet)
            && self.pid != 0
            && now.duration_since(self.first_seen) >= WATCH_AFTER
    }

    /// Whether the process has logged nothing for so long that it may be dead.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.died.is_none() && now.duration_since(self.last_progress) >= SILENT_FOR
    }

    /// Wait status, or `None` while it may still become known; -1 when it never will.
    pub fn wait_status(&self, now: Instant) -> Option<i32> {
        let by_log = self.ending.unwrap_or(-1);
        match (&self.watch, self.died) {
            (Watch::By(descriptor), Some(died)) => {
                let status = process_watch::exit_status(descriptor);
                status.or((now.duration_since(died) >= STATUS_FOR).then_some(by_log))
            }
            _ => Some(by_log),
        }
    }
}
