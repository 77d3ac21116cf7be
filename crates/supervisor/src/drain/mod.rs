//! The drain loop: from the rings of the recorded processes to the log file.

mod answering;
mod claim;
mod claims;
mod slots;
mod stopping;
mod taking;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::claim::Claim;

use reenact_trace::arena::{file_state, SLOT_COUNT};

use crate::arena_memory::Arena;
use crate::file_table::FileTask;
use crate::futex;
use crate::preemption;
use crate::requests::{Request, Requests};
use crate::ring::Ring;
use crate::sink::Sink;
use crate::tracked::Tracked;

/// Whatever is there is taken after this time, so that a crash of ours loses little.
const FLUSH_AFTER: Duration = Duration::from_millis(50);
const SLEEP: Duration = Duration::from_millis(20);
const MAX_NOTES: usize = 200;

/// Value of the root's status while it runs.
const RUNNING: i64 = i64::MIN;

/// Reasons in [`EndRecord::reason`].
mod reason {
    pub const ENDED: u32 = 0;
    pub const STOPPED: u32 = 1;
    pub const DISK_FULL: u32 = 2;
}

/// What others tell the drain loop.
pub struct Control {
    root_status: AtomicI64,
    requests: Requests,
}

impl Control {
    pub fn new() -> Control {
        Control {
            root_status: AtomicI64::new(RUNNING),
            requests: Requests::default(),
        }
    }

    /// Hand over a request, which is answered at the next pass.
    pub fn ask(&self, request: Request) {
        self.requests.add(request);
    }

    /// The first process has ended with this wait status.
    pub fn root_ended(&self, wait_status: i32) {
        self.root_status
            .store(wait_status.into(), Ordering::Release);
    }

    fn root(&self) -> Option<i32> {
        match self.root_status.load(Ordering::Acquire) {
            RUNNING => None,
            status => Some(status as i32),
        }
    }
}

impl Default for Control {
    fn default() -> Control {
        Control::new()
    }
}

/// Policy of a drain loop.
#[derive(Clone, Debug)]
pub struct DrainSettings {
    /// How often every process is asked for a snapshot; `None`: never.
    pub snapshot_interval: Option<Duration>,
    /// The first process ran already when the recording began: its log begins with a snapshot.
    pub is_attached: bool,
    /// How long to go on after the first process has ended while others live.
    pub linger: Duration,
}

/// What a finished drain loop has seen.
#[derive(Debug, Default)]
pub struct DrainReport {
    pub processes: u32,
    /// How the first process ended, as its log has it.
    pub root_status: Option<i32>,
    pub events: u64,
    pub bytes: u64,
    pub raw_bytes: u64,
    pub messages: Vec<String>,
    pub complete: bool,
    /// What is kept in memory, of a recording in a ring.
    pub ring: Option<Box<Ring>>,
}

/// The drain loop and its state.
pub struct Drain {
    arena: Arc<Arena>,
    control: Arc<Control>,
    sink: Sink,
    next_snapshot: Option<Instant>,
    files: Option<Sender<FileTask>>,
    settings: DrainSettings,
    tracked: Vec<Tracked>,
    known: Vec<bool>,
    highest: usize,
    /// Slots claimed for a child that has not come yet.
    claimed: HashMap<usize, Claim>,
    last_watch: Instant,
    last_full_scan: Instant,
    last_flush: Instant,
    root_ended_at: Option<Instant>,
    stopped_at: Option<Instant>,
    stop_reason: u32,
    /// Somebody has asked for a stop, to be said so.
    stop_wanted: Option<&'static str>,
    /// The first process ran already, and the snapshot that its log begins with is still being written.
    is_beginning: bool,
    /// After a stop: nothing is taken into the log any more.
    closed: bool,
    killed: bool,
    files_seen: usize,
    unstored: Vec<usize>,
    unscanned: Vec<usize>,
    /// The ring was larger than it should be; processes that took no snapshots then, their pids, and why.
    excess: Option<BTreeMap<u32, (u32, &'static str)>>,
    scratch: Vec<u8>,
    report: DrainReport,
}

impl Drain {
    pub fn new(
        arena: Arc<Arena>,
        control: Arc<Control>,
        sink: Sink,
        files: Option<Sender<FileTask>>,
        settings: DrainSettings,
    ) -> Drain {
        let now = Instant::now();
        let is_beginning = settings.is_attached;
        Drain {
            arena,
            control,
            sink,
            next_snapshot: settings.snapshot_interval.map(|interval| now + interval),
            files,
            settings,
            tracked: Vec::new(),
            known: vec![false; SLOT_COUNT],
            highest: 0,
            claimed: HashMap::new(),
            last_watch: now,
            last_full_scan: now,
            last_flush: now,
            root_ended_at: None,
            stopped_at: None,
            stop_reason: reason::STOPPED,
            stop_wanted: None,
            is_beginning,
            closed: false,
            killed: false,
            files_seen: 0,
            unstored: Vec::new(),
            unscanned: Vec::new(),
            excess: None,
            scratch: Vec::new(),
            report: DrainReport {
                complete: true,
                ..DrainReport::default()
            },
        }
    }

    /// Drain until the first process has ended and all others are gone, have outlived the
    /// linger time, or the recording was stopped.
    pub fn run(mut self) -> DrainReport {
        loop {
            let bell = self.arena.header().doorbell.load(Ordering::SeqCst);
            let now = Instant::now();
            preemption::pass_on(&self.arena);
            self.find_slots(now);
            self.look_for_deaths(now);
            let worked = self.drain_all(now);
            self.hand_out_files();
            self.ask_for_snapshots(now);
            self.answer_requests(now);
            self.obey(now);
            if now.duration_since(self.last_flush) >= FLUSH_AFTER {
                self.last_flush = now;
                self.flush();
            }
            if self.finished(now) {
                break;
            }
            if !worked {
                self.sleep(bell);
            }
        }
        self.flush();
        if self.report.processes == 0 {
            self.report.complete = false;
            let text = "nothing was recorded: the recorder ended before the program started";
            note(&mut self.report.messages, text);
        }
        self.control.requests.close();
        self.tell_of_excess();
        (self.report.bytes, self.report.raw_bytes) = self.sink.sizes();
        if let Sink::Ring(ring) = self.sink {
            self.report.ring = Some(ring);
        }
        self.report
    }

    fn sleep(&self, bell: u32) {
        let header = self.arena.header();
        header.supervisor_sleeping.store(1, Ordering::SeqCst);
        if header.doorbell.load(Ordering::SeqCst) == bell {
            futex::wait(&header.doorbell, bell, SLEEP);
        }
        header.supervisor_sleeping.store(0, Ordering::SeqCst);
    }

    /// When it is time, every process takes a snapshot behind its next event.
    fn ask_for_snapshots(&mut self, now: Instant) {
        let mut due = self.next_snapshot.is_some_and(|due| now >= due);
        if let (true, Some(interval)) = (due, self.settings.snapshot_interval) {
            self.next_snapshot = Some(now + interval);
        }
        if let Some(ring) = self.sink.ring() {
            due |= ring.wants_snapshots(now);
        }
        if due {
            let wanted = &self.arena.header().snapshots_wanted;
            wanted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Pass new files and asked-for scans on.
    fn hand_out_files(&mut self) {
        let Some(files) = &self.files else {
            return;
        };
        let count = self.arena.file_count();
        for index in self.files_seen..count {
            self.unstored.push(index);
            self.unscanned.push(index);
        }
        self.files_seen = count;
        let arena = &self.arena;
        self.unscanned.retain(|&index| {
            // SAFETY: the entry lies in the mapping; the field is atomic.
            let ready = unsafe { &(*arena.file_entry(index)).sites_ready };
            let asked = ready.load(Ordering::Acquire) == 2;
            if asked {
                // The receiver lives until this sender is gone.
                let _ = files.send(FileTask::Scan(index));
            }
            !asked
        });
        self.unstored.retain(|&index| {
            // SAFETY: as above.
            let state = unsafe { &(*arena.file_entry(index)).state };
            if state.load(Ordering::Acquire) == file_state::ASKED {
                state.store(file_state::COPYING, Ordering::Relaxed);
                let _ = files.send(FileTask::Keep(index));
            }
            let done = matches!(
                state.load(Ordering::Acquire),
                file_state::STORED | file_state::FAILED
            );
            if done {
                let _ = files.send(FileTask::Describe(index));
            }
            !done
        });
    }

    fn flush(&mut self) {
        if self.stop_reason == reason::DISK_FULL {
            return;
        }
        if let Err(error) = self.sink.flush() {
            self.disk_failed(&error);
        }
    }
}

/// Keep a message once.
fn note(messages: &mut Vec<String>, text: &str) {
    if messages.len() < MAX_NOTES && !text.is_empty() && !messages.iter().any(|old| old == text) {
        messages.push(text.to_owned());
    }
}
