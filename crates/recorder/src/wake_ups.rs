//! Threads that are woken after a long sleep run at once, in place of the thread that woke them: a
//! just-in-time compiler's threads make code that the others could use meanwhile, and whoever
//! computes on in an interpreter makes no system call at which they could take their turn.
//!
//! Design constraints:
//! * What this costs stays small, whatever the program does: only sleeps of 10 ms count, and a
//!   thread's preference ends when it has run for 5 ms since its last one.
//! * A thread that has been woken and finds a lock taken, sleeps again for a moment. It keeps its
//!   preference, or whoever woke it with the lock held would compute on.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::FUTEX;
use reenact_trace::EventHeader;

use crate::chaos;
use crate::log::{self, TICKS_PER_MS};
use crate::thread::Thread;

const LONG_SLEEP: u64 = 10 * TICKS_PER_MS;
const CREDIT: u64 = 5 * TICKS_PER_MS;

/// When a thread last began to sleep on a futex, by a hash of its address. 0: none did.
const BUCKETS: usize = 64;
static SLEEPS: [AtomicU64; BUCKETS] = [const { AtomicU64::new(0) }; BUCKETS];

fn bucket(futex: u64) -> &'static AtomicU64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (futex >> 2).wrapping_mul(GOLDEN);
    &SLEEPS[(mixed >> (u64::BITS - BUCKETS.ilog2())) as usize]
}

/// The thread has run since `start`, and others may run from now on.
pub fn charge(thread: &mut Thread, start: u64) {
    let ran = log::time().wrapping_sub(start);
    thread.wake_credit = thread.wake_credit.saturating_sub(ran);
}

/// The thread, which has been charged, goes to sleep in a call.
pub fn sleep_begins(thread: &mut Thread, call: &EventHeader) {
    let now = log::time();
    thread.asleep_since = now;
    if u64::from(call.code) == FUTEX {
        let since = if thread.wake_credit > 0 {
            now.wrapping_sub(LONG_SLEEP)
        } else {
            now
        };
        bucket(call.args[0]).store(since, Ordering::Relaxed);
    }
}

/// The thread's call has returned.
pub fn sleep_ends(thread: &mut Thread) {
    let since = core::mem::take(&mut thread.asleep_since);
    if since != 0 && log::time().wrapping_sub(since) >= LONG_SLEEP {
        thread.wake_credit = CREDIT;
    }
}

/// The thread has woken as many as the result says, which slept on a futex.
pub fn after_waking(thread: &mut Thread, futex: u64, result: i64) {
    if result <= 0 || chaos::is_on() {
        return;
    }
    let bucket = bucket(futex);
    let since = bucket.load(Ordering::Relaxed);
    if since != 0 && log::time().wrapping_sub(since) >= LONG_SLEEP {
        // Whoever still sleeps there has no time of its own any more: it is not looked for again.
        bucket.store(0, Ordering::Relaxed);
        thread.yields_to_woken = true;
    }
}
