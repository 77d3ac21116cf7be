//! Chaos mode: random schedules, to meet the ones a fair scheduler rarely makes.
//!
//! Time is divided into windows of 1 ms to 2 s. Each draws which threads are of low priority
//! (they wait while any other can run: starvation), how long slices are, and how often a thread
//! yields at a system call. Whatever comes of it is in the log as any other schedule is.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{arena, log};

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A counter; its mixed values are the random numbers. 0: not begun.
static STATE: AtomicU64 = AtomicU64::new(0);
/// Tick at which the window ends.
static WINDOW_END: AtomicU64 = AtomicU64::new(0);
/// What the window draws its properties from.
static WINDOW: AtomicU64 = AtomicU64::new(0);

/// Whether this recording wants random schedules.
#[inline]
pub fn is_on() -> bool {
    arena::header().chaos != 0
}

/// Begin: a process becomes threaded, or is the fork of one that was. Processes of one
/// recording differ, whatever the order in which they were made.
pub fn begin() {
    let process = arena::slot().process.load(Ordering::Relaxed);
    let seed = arena::header().chaos_seed;
    STATE.store(
        mix(seed ^ mix(u64::from(process) + 1)) | 1,
        Ordering::Relaxed,
    );
    WINDOW_END.store(0, Ordering::Relaxed);
}

/// The finaliser of SplitMix64: every bit of the result depends on every bit of the value.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A random number. Any thread may ask, with or without the token.
fn random() -> u64 {
    mix(STATE.fetch_add(GOLDEN, Ordering::Relaxed))
}

/// A random number below `end`.
pub fn below(end: u64) -> u64 {
    if end == 0 {
        return 0;
    }
    random() % end
}

/// From `least` to `least << doublings`, every order of magnitude as likely as the others.
fn spread(least: u64, doublings: u64) -> u64 {
    let base = least << below(doublings);
    base + below(base)
}

/// The properties of the window we are in.
fn window() -> u64 {
    let now = log::time();
    if now >= WINDOW_END.load(Ordering::Relaxed) {
        // Two threads that come here at once draw twice: no harm.
        WINDOW.store(random(), Ordering::Relaxed);
        let length = spread(1_000, 11) * (log::TICKS_PER_MS / 1_000);
        WINDOW_END.store(now.wrapping_add(length), Ordering::Relaxed);
    }
    WINDOW.load(Ordering::Relaxed)
}

/// Whether a thread waits while any other can run: one in ten, until the window ends.
pub fn is_low(tid: u32) -> bool {
    mix(window() ^ u64::from(tid)) < u64::MAX / 10
}

/// How long a thread waits before it requests preemption, in nanoseconds: one in
/// ten very short, one in ten short, the others as the window has it.
pub fn patience_ns() -> u64 {
    match below(10) {
        0 => 20_000 + below(80_000),
        1 => 100_000 + below(900_000),
        _ => {
            let scale = 100_000 << (window() >> 8 & 7).min(6);
            50_000 + below(scale)
        }
    }
}

/// Whether to yield after an event: never, seldom, often or always, as the window has it.
pub fn yields() -> bool {
    match window() >> 16 & 3 {
        0 => false,
        1 => below(16) == 0,
        2 => below(4) == 0,
        _ => true,
    }
}

/// Whether the creator of a thread waits for it to arrive before going on.
pub fn waits_for_new_thread() -> bool {
    below(2) == 0
}
