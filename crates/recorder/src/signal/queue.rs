//! Signals that have arrived and wait for a deterministic point. The handler adds to the queue at any
//! moment, also while the recorder takes the first of it, so no step of either may undo the other's.
//!
//! While one waits here, the kernel's mask blocks those of the same number that follow, as it does natively
//! while the program's handler runs. Otherwise a timer with a short interval would interrupt us without end.

use core::sync::atomic::Ordering;

use super::{bit, timer, SYNCHRONOUS};
use crate::thread::{self, QueuedSignal, Thread, QUEUE};

/// Handlers that may be within each other: the recorder's, and that of a signal which it does not
/// block because accesses of its own may raise it.
const NESTED: u32 = 2;

/// The kernel keeps a signal with a lower number once, others as often as they come.
pub const REAL_TIME: u32 = 32;

/// Whether signals wait for this thread.
#[inline]
pub fn queued(thread: &Thread) -> bool {
    thread.queued.load(Ordering::Relaxed) != 0
}

/// The signal that waits longest, if any does.
pub fn first(thread: &Thread) -> Option<&QueuedSignal> {
    let first = thread.queue_first.load(Ordering::Relaxed);
    queued(thread).then(|| &thread.queue[first as usize % QUEUE])
}

fn waiting(thread: &Thread) -> u32 {
    let first = thread.queue_first.load(Ordering::Relaxed);
    thread
        .queue_next
        .load(Ordering::Relaxed)
        .wrapping_sub(first)
}

/// Whether a signal with this number waits.
pub fn is_there(thread: &Thread, number: u32) -> bool {
    let first = thread.queue_first.load(Ordering::Relaxed);
    (0..waiting(thread)).any(|index| {
        let place = first.wrapping_add(index) as usize % QUEUE;
        thread.queue[place].number == number
    })
}

/// Whether the kernel is to keep the signals that follow one with this number, which has just come.
pub fn keeps_followers(thread: &Thread, number: u32) -> bool {
    // What is raised by the processor while it is blocked kills.
    if SYNCHRONOUS.contains(&number) || thread.leaves.load(Ordering::Relaxed) != 0 {
        return false;
    }
    // A signal to the process goes to another thread when this one blocks it. Natively this one would hardly
    // ever be found so: only a second one says that it is.
    !thread::are_several() || is_there(thread, number)
}

/// Add a signal; false: there is no room. One that waits already is not added again, as in the
/// kernel (`legacy_queue`).
pub fn enqueue(thread: &mut Thread, signal: QueuedSignal) -> bool {
    if signal.number < REAL_TIME && is_there(thread, signal.number) {
        return true;
    }
    if waiting(thread) > QUEUE as u32 - NESTED {
        return false;
    }
    // A handler that comes from here on takes the next place.
    let place = thread.queue_next.fetch_add(1, Ordering::Relaxed) as usize % QUEUE;
    thread.queue[place] = signal;
    thread.queued.fetch_add(1, Ordering::Release);
    true
}

/// Take the signal that waits longest; there is one. Those that follow come when the kernel's mask is set.
pub fn take_first(thread: &mut Thread) -> QueuedSignal {
    let first = thread.queue_first.load(Ordering::Relaxed);
    let signal = thread.queue[first as usize % QUEUE];
    thread
        .followers_kept
        .fetch_and(!bit(signal.number), Ordering::Relaxed);
    // Its place may be written to from here on.
    thread
        .queue_first
        .store(first.wrapping_add(1), Ordering::Release);
    if thread.queued.fetch_sub(1, Ordering::AcqRel) == 1 {
        timer::disarm(thread);
    }
    signal
}
