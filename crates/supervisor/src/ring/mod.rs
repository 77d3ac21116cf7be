//! A recording that keeps its last part in memory: chunks of logs and snapshots, until somebody wants them as a trace.
//!
//! Design constraints:
//! * What is kept can be replayed: the log of each process begins with its start, and then its parent's log has the fork
//!   (or it needs none), with a snapshot, or with the program it executed last.
//! * What is dropped is the oldest, over all processes, and no more of it than the limit asks for. The limit gives way where
//!   a process can take no snapshot.
//! * A save copies nothing: it has its own references to the chunks, and is written by another thread than takes the logs.

mod identity;
mod kept;
mod saved;
mod saving;
mod trimming;
mod wishes;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reenact_trace::chunk::{landmark, EndRecord};

use crate::chunk_maker::{Batch, ChunkMaker};
use crate::options::SaveOn;
use kept::{Begin, Chunk, Kept};
pub use saved::{LeftOut, Saved, Snippet};
use wishes::Wishes;

/// Processes that are left out, remembered by name.
const MOST_LEFT_OUT: usize = 1000;

/// The ring.
pub struct Ring {
    /// Bytes that are kept, about.
    limit: u64,
    maker: ChunkMaker,
    processes: BTreeMap<u32, Kept>,
    /// Bytes of all chunks.
    bytes: u64,
    /// The most there have ever been.
    highest: u64,
    /// Chunks that have come: their order.
    order: u64,
    wishes: Wishes,
    /// The last that had come when all processes were asked for snapshots.
    asked_at: u64,
    left_out: Vec<LeftOut>,
    left_out_count: u64,
    has_crashed: bool,
    /// When it becomes a trace at the end.
    pub save_on: SaveOn,
}

impl fmt::Debug for Ring {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ring")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl Ring {
    /// An empty ring of so many bytes, to become a trace at the end when that is said.
    ///
    /// # Errors
    /// Without memory for the compressor.
    pub fn new(limit: u64, save_on: SaveOn) -> io::Result<Ring> {
        Ok(Ring {
            limit,
            maker: ChunkMaker::new()?,
            processes: BTreeMap::new(),
            bytes: 0,
            highest: 0,
            order: 0,
            wishes: Wishes::new(limit, Instant::now()),
            asked_at: 0,
            left_out: Vec::new(),
            left_out_count: 0,
            has_crashed: false,
            save_on,
        })
    }

    /// Bytes that are kept, and the most there have ever been.
    pub fn size(&self) -> (u64, u64) {
        (self.bytes, self.highest)
    }

    pub fn raw_bytes(&self) -> u64 {
        self.maker.raw_bytes()
    }

    /// Whether a process has ended by a signal that stands for a fault.
    pub fn has_crashed(&self) -> bool {
        self.has_crashed
    }

    /// Bytes that should be kept at most.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether it holds so much more that a person should know, although there could be snapshots.
    pub fn is_excessive(&self) -> bool {
        self.wishes.rounds() > 1 && self.bytes > self.limit + self.limit / 2
    }

    /// How far back it reaches.
    pub fn reach(&self, now: Instant) -> Duration {
        let since = self.processes.values().filter_map(|kept| kept.since);
        since
            .min()
            .map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// Whether all processes are to be asked for snapshots; they will be.
    pub fn wants_snapshots(&mut self, now: Instant) -> bool {
        let are_due = self.wishes.are_due(now);
        if are_due {
            self.asked_at = self.order;
        }
        are_due
    }

    /// A process that writes from now on. `pid`: as we call it.
    pub fn note_process(&mut self, process: u32, pid: u32, now: Instant) {
        let kept = self.kept(process);
        (kept.pid, kept.since) = (pid, Some(now));
    }

    /// A process that ran already: who it is. Its log begins with a snapshot that is still to come.
    pub fn begin_attached(&mut self, batch: &Batch<'_>) {
        let kept = self.kept(batch.process);
        kept.identity.begin_attached(batch);
        kept.begin = Begin::Nowhere;
    }

    /// Add a chunk of a log.
    pub fn append(&mut self, batch: &Batch<'_>) {
        let order = self.next_order();
        let inherited = self.inherited_image(batch);
        let bytes = self.make(batch);
        self.wishes.note_log(bytes.len() as u64);
        let kept = self.kept(batch.process);
        kept.identity.note(batch, inherited);
        kept.chunks.push_back(Chunk {
            end_event: batch.first_event + u64::from(batch.events),
            order,
            bytes,
        });
        kept.last_order = order;
        self.trim();
    }

    /// Add a chunk of a snapshot behind an event; the log up to there is here already.
    pub fn append_snapshot(&mut self, batch: &Batch<'_>) {
        if !self.processes.contains_key(&batch.process) {
            // It has ended meanwhile, and nothing of it is kept any more.
            return;
        }
        let bytes = self.make(batch);
        let is_last = batch.landmarks & landmark::SNAPSHOT != 0;
        let turn = is_last.then(|| identity::turn_in(batch)).flatten();
        let kept = self.kept(batch.process);
        let mut lost = kept.add_snapshot(batch.first_event, bytes);
        if is_last {
            let (order, now) = (self.next_order(), Instant::now());
            let kept = self.kept(batch.process);
            let (size, useless) = kept.finish_snapshot(order, turn, now);
            lost += useless + kept.begin_where_possible();
            self.wishes.note_snapshot(size, now);
        }
        self.bytes -= lost;
        self.trim();
    }

    /// A copy that wrote a snapshot behind an event has ended: if that is not whole by now, it never will be. The next copy may
    /// write already.
    pub fn end_snapshot(&mut self, process: u32, event: u64) {
        let Some(kept) = self.processes.get_mut(&process) else {
            return;
        };
        if kept.incoming_event() == Some(event) {
            self.bytes -= kept.give_up_snapshot();
        }
    }

    /// How a process has ended.
    pub fn append_end(&mut self, process: u32, end: &EndRecord) {
        let order = self.next_order();
        let bytes: Arc<[u8]> = self.maker.end(process, end).into();
        self.add_bytes(bytes.len() as u64);
        self.has_crashed |= is_fault(end.wait_status);
        let kept = self.kept(process);
        kept.end = Some(bytes);
        kept.last_order = order;
        self.trim();
    }

    fn kept(&mut self, process: u32) -> &mut Kept {
        self.processes.entry(process).or_default()
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn make(&mut self, batch: &Batch<'_>) -> Arc<[u8]> {
        let bytes: Arc<[u8]> = self.maker.make(batch).into();
        self.add_bytes(bytes.len() as u64);
        bytes
    }

    fn add_bytes(&mut self, more: u64) {
        self.bytes += more;
        self.highest = self.highest.max(self.bytes);
    }

    /// The program of the parent of a process that begins, where it was forked.
    fn inherited_image(&self, batch: &Batch<'_>) -> Option<identity::Image> {
        let (parent, event) = identity::fork_of(batch)?;
        self.processes
            .get(&parent)?
            .identity
            .image_at(event)
            .cloned()
    }
}

/// Whether a wait status is the end by a signal that stands for a fault: those with a core dump (signal(7)), without that of a
/// terminal's quit key.
fn is_fault(wait_status: i32) -> bool {
    const FAULTS: [i32; 9] = [
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGABRT,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGSEGV,
        libc::SIGXCPU,
        libc::SIGXFSZ,
        libc::SIGSYS,
    ];
    wait_status >= 0
        && libc::WIFSIGNALED(wait_status)
        && FAULTS.contains(&libc::WTERMSIG(wait_status))
}
