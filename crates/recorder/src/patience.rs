//! How a thread waits for the token: it asks the running thread now and then whether it spins, which
//! then yields at once, and after a time slice to be let run in any case.

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use crate::log::{self, TICKS_PER_MS};
use crate::signal::{self, preemption};
use crate::spinning;
use crate::thread::{self, Thread};
use crate::{chaos, companions, grants, run_queue};

/// How long a thread waits before it requests that the running one is preempted.
const PATIENCE_NS: u64 = 20_000_000;
/// The same in a program whose threads spin: about the kernel's slice, as one that is handed something
/// in a loop waits behind those that compute.
const SHORT_PATIENCE_NS: u64 = 4_000_000;
/// The first time to ask whether the running thread spins; twice as long follows each time. One question
/// costs it some microseconds.
const FIRST_LOOK_NS: u64 = 100_000;
/// How often to ask in a program whose threads do spin.
pub const LOOK_NS: u64 = 200_000;
/// Between the two looks of a pair.
const SECOND_LOOK_NS: u64 = 30_000;

const MILLION: u64 = 1_000_000;

/// Wait until somebody has given the token to the thread. `pass_on` gives it to the first that waits: whoever has
/// it may have been killed alone.
pub fn wait_until_granted(thread: &Thread, pass_on: fn()) {
    let is_granted = || grants::has_token(thread);
    let mut looks = Looks::new();
    while !is_granted() {
        let patience = signal::pause_ns(least_patience_ns(thread));
        let is_over = sleep_out(thread, patience, &mut looks);
        let may_ask = !(chaos::is_on() && chaos::is_low(thread.tid));
        if is_over && companions::any() && companions::takes_over_token(thread) {
            pass_on();
        } else if is_over && may_ask && !is_granted() {
            request(preemption::Kind::Now);
        }
    }
}

/// Sleep so long, or until the thread has the token, looking at the running thread on the way. Whether the
/// time is over.
fn sleep_out(thread: &Thread, patience_ns: u64, looks: &mut Looks) -> bool {
    // Signals that come more often than its patience ends must not make it endless.
    let ticks = patience_ns.saturating_mul(TICKS_PER_MS) / MILLION;
    let start = log::time();
    let mut left = patience_ns;
    while left > 0 && log::time().wrapping_sub(start) <= ticks {
        let is_to_look = run_queue::is_last(thread);
        let sleep = if is_to_look {
            left.min(looks.next_ns)
        } else {
            left
        };
        let result = grants::sleep(thread, sleep);
        if grants::has_token(thread) {
            return false;
        }
        if result == -numbers::ETIMEDOUT {
            left -= sleep;
            if is_to_look && left > 0 {
                looks.look();
            }
        }
    }
    true
}

fn least_patience_ns(thread: &Thread) -> u64 {
    /// For how long its patience grows.
    const MOST_DOUBLINGS: u32 = 2;
    if chaos::is_on() {
        return chaos::patience_ns();
    }
    let slice = if spinning::was_seen_lately() {
        SHORT_PATIENCE_NS
    } else {
        PATIENCE_NS
    };
    // One that was let run and still had to wait: the running one may need longer.
    slice << thread.spins.saturating_sub(1).min(MOST_DOUBLINGS)
}

fn request(kind: preemption::Kind) {
    let running = thread::current();
    if kind == preemption::Kind::Now {
        running.is_wanted.store(1, Ordering::Relaxed);
    }
    preemption::request(companions::process_of(running), running.tid, kind);
}

/// Looks of one that waits at the running thread. They come in pairs: the second one tells a loop that counts
/// nothing from others.
struct Looks {
    /// When to look next.
    next_ns: u64,
    /// Between pairs.
    pause_ns: u64,
    is_second: bool,
    /// The log's next event at the last look.
    event: u64,
}

impl Looks {
    fn new() -> Looks {
        Looks {
            next_ns: FIRST_LOOK_NS,
            pause_ns: FIRST_LOOK_NS,
            is_second: false,
            event: log::next_event(),
        }
    }

    /// Ask the running thread whether it spins, if it has made no event since the last look: calls must not
    /// be interrupted for it.
    fn look(&mut self) {
        let event = log::next_event();
        let was_silent = core::mem::replace(&mut self.event, event) == event;
        let asks = was_silent && thread::current().in_call.load(Ordering::Relaxed) == 0;
        if asks {
            request(preemption::Kind::IfSpinning);
        }
        self.is_second = asks && !self.is_second;
        if self.is_second {
            self.next_ns = SECOND_LOOK_NS;
            return;
        }
        self.pause_ns = if spinning::was_seen_lately() {
            LOOK_NS
        } else {
            2 * self.pause_ns
        };
        self.next_ns = self.pause_ns;
    }
}
