//! Signals that have arrived and wait for a deterministic point. The handler adds to the queue at any
//! moment, also while the recorder takes the first of it, so no step of either may undo the other's.

use core::sync::atomic::Ordering;

use super::late;
use crate::thread::{QueuedSignal, Thread, QUEUE};

/// Handlers that may be within each other: the recorder's, and that of a signal which it does not
/// block because accesses of its own may raise it.
const NESTED: u32 = 2;

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

/// Add a signal. One that waits already is not added again, as in the kernel (`legacy_queue`).
pub fn enqueue(thread: &mut Thread, signal: QueuedSignal) {
    const REAL_TIME: u32 = 32;
    let first = thread.queue_first.load(Ordering::Relaxed);
    let waiting = thread
        .queue_next
        .load(Ordering::Relaxed)
        .wrapping_sub(first);
    let is_there = (0..waiting).any(|index| {
        let place = first.wrapping_add(index) as usize % QUEUE;
        thread.queue[place].number == signal.number
    });
    if signal.number < REAL_TIME && is_there {
        return;
    }
    if waiting > QUEUE as u32 - NESTED {
        thread.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // A handler that comes from here on takes the next place.
    let place = thread.queue_next.fetch_add(1, Ordering::Relaxed) as usize % QUEUE;
    thread.queue[place] = signal;
    thread.queued.fetch_add(1, Ordering::Release);
}

/// Take the signal that waits longest; there is one.
pub fn take_first(thread: &mut Thread) -> QueuedSignal {
    let first = thread.queue_first.load(Ordering::Relaxed);
    let signal = thread.queue[first as usize % QUEUE];
    // Its place may be written to from here on.
    thread
        .queue_first
        .store(first.wrapping_add(1), Ordering::Release);
    if thread.queued.fetch_sub(1, Ordering::AcqRel) == 1 {
        late::disarm(thread);
    }
    signal
}
