//! Memory and time that reading may take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::process::{abort, exit};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are allocated at one moment, at most.
pub const MOST_BYTES: usize = 1 << 30;
/// How long one mutation takes at most; a loaded machine is slow.
const MOST_TIME: Duration = Duration::from_secs(60);

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// Told once: telling takes memory, too.
static IS_TOO_MUCH: AtomicBool = AtomicBool::new(false);
/// What the workers are at.
static CURRENT: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// Counts what is allocated, and ends us when it is too much.
pub struct CountingAllocator;

/// Bytes that were allocated at one moment, at most.
pub fn peak() -> usize {
    PEAK.load(Ordering::Relaxed)
}

fn count(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
    if now > MOST_BYTES && !IS_TOO_MUCH.swap(true, Ordering::Relaxed) {
        let current = CURRENT
            .iter()
            .map(|current| current.load(Ordering::Relaxed));
        eprintln!(
            "a reader asks for {bytes} bytes, which makes {now}; one of these mutations: {:?}",
            current.filter(|&number| number != 0).collect::<Vec<u64>>()
        );
        eprintln!("{}", Backtrace::force_capture());
        abort();
    }
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What the workers are at, and since when.
pub struct Watch {
    started: Instant,
    /// Number of the mutation plus one, and the milliseconds at which it began; 0: done.
    workers: Vec<(AtomicU64, AtomicU64)>,
}

impl Watch {
    pub fn new(workers: usize) -> Watch {
        let idle = || (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Watch {
            started: Instant::now(),
            workers: (0..workers).map(|_| idle()).collect(),
        }
    }

    fn milliseconds(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// A worker begins with a mutation.
    pub fn begin(&self, worker: usize, number: u64) {
        let (current, since) = &self.workers[worker];
        since.store(self.milliseconds(), Ordering::Relaxed);
        current.store(number + 1, Ordering::Relaxed);
        CURRENT[worker % CURRENT.len()].store(number, Ordering::Relaxed);
    }

    /// A worker is done.
    pub fn end(&self, worker: usize) {
        self.workers[worker].0.store(0, Ordering::Relaxed);
    }

    /// Until all are done: end us when a mutation takes too long.
    pub fn guard(&self, seed: u64) {
        let is_busy = |worker: &(AtomicU64, AtomicU64)| worker.0.load(Ordering::Relaxed) != 0;
        while self.workers.iter().any(is_busy) {
            std::thread::sleep(Duration::from_millis(20));
            for (current, since) in self.workers.iter().filter(|worker| is_busy(worker)) {
                let taken = self
                    .milliseconds()
                    .saturating_sub(since.load(Ordering::Relaxed));
                let number = current.load(Ordering::Relaxed);
                if number != u64::MAX && taken > MOST_TIME.as_millis() as u64 {
                    eprintln!("mutation {} of seed {seed}: a reader hangs", number - 1);
                    exit(1);
                }
            }
        }
    }
}
