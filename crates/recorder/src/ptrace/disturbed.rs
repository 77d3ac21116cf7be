//! Calls of the program that were interrupted by what it is not to know of: a tracer comes or goes, or a child has become a
//! tracee.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::SIGSTOP;
use reenact_trace::ptrace::{asked, Link};

use super::{links, notice, stops};
use crate::signal::{self, queue};
use crate::thread::Thread;

/// A call has been interrupted. Whether only by what a thread has to know, or we asked it for: it need not stop, and its
/// program is not to know of that.
#[cold]
pub fn is_only_ours(thread: &mut Thread) -> bool {
    let mut has_heeded = false;
    // More can come while one is done.
    while heed(thread) {
        has_heeded = true;
    }
    if thread.link == 0 {
        has_heeded |= signal::forget_ignored(thread);
    }
    if signal::queued(thread) {
        return false;
    }
    thread.preemption_requested.swap(0, Ordering::Relaxed) != 0 || has_heeded
}

/// Take what asks a thread for no stop from the queue, and do it. Whether there was something.
fn heed(thread: &mut Thread) -> bool {
    let is_for_stop = |thread: &Thread| {
        let stops = asked::SIGSTOP | asked::TRAP;
        links::of(thread).is_some_and(|link| link.asked.load(Ordering::Acquire) & stops != 0)
    };
    let is_released = |link: &Link| link.asked.load(Ordering::Acquire) & asked::RELEASE != 0;
    if links::of(thread).is_some_and(is_released) {
        stops::detach(thread);
        return true;
    }
    let is_first = queue::first(thread).is_some_and(|first| first.number == SIGSTOP);
    if !is_first || is_for_stop(thread) {
        return false;
    }
    queue::take_first(thread);
    if let Some(link) = links::of(thread) {
        link.asked.fetch_and(!asked::NOTICE, Ordering::AcqRel);
        stops::adopt(thread);
        links::wake(&link.asked);
    }
    if is_for_stop(thread) {
        // It has been asked for meanwhile, while this one waited in the queue.
        notice::queue_stop(thread);
        return false;
    }
    true
}
