//! The links between tracers and tracees in the arena.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4};
use reenact_trace::layout::ARENA_ADDRESS;
use reenact_trace::ptrace::*;

use crate::thread::Thread;

fn registry() -> &'static Registry {
    // SAFETY: mapped with the arena's header; all that changes is atomic.
    unsafe { &*((ARENA_ADDRESS + REGISTRY_OFFSET) as *const Registry) }
}

/// A link by its index.
pub fn link(index: usize) -> &'static Link {
    debug_assert!(index < LINK_COUNT);
    // SAFETY: as above; all-zero is a free link, and the room is reached by `room` only.
    unsafe { &*((ARENA_ADDRESS + LINKS_OFFSET + index as u64 * LINK_STRIDE) as *const Link) }
}

/// The link of a thread that is traced.
pub fn of(thread: &Thread) -> Option<&'static Link> {
    thread.link.checked_sub(1).map(|index| link(index as usize))
}

/// Whether anybody was ever traced in this recording.
#[inline]
pub fn any() -> bool {
    registry().used.load(Ordering::Relaxed) != 0
}

/// All links in use, with their indexes.
pub fn all() -> impl Iterator<Item = (usize, &'static Link)> {
    let used = (registry().used.load(Ordering::Acquire) as usize).min(LINK_COUNT);
    (0..used)
        .map(|index| (index, link(index)))
        .filter(|(_, link)| !matches!(link.tracee.load(Ordering::Acquire), 0 | CLAIMED))
}

/// The link of a thread, by its kernel id.
pub fn find(tid: u32) -> Option<usize> {
    all()
        .find(|(_, link)| link.tracee.load(Ordering::Acquire) == tid)
        .map(|(index, _)| index)
}

/// The links of a tracer.
pub fn traced_by(process: u32) -> impl Iterator<Item = (usize, &'static Link)> {
    all().filter(move |(_, link)| link.tracer_process.load(Ordering::Acquire) == process)
}

/// In [`Link::tracee`]: somebody is about to fill it in.
const CLAIMED: u32 = u32::MAX;

/// Take a link for a thread (0: not known yet, see [`name`]). `None`: there is no more, or the thread has one.
pub fn claim(tid: u32, process: u32, tracer: u32) -> Option<usize> {
    if tid != 0 && find(tid).is_some() {
        return None;
    }
    let order = Ordering::AcqRel;
    let index = (0..LINK_COUNT).find(|&index| {
        let tracee = &link(index).tracee;
        tracee
            .compare_exchange(0, CLAIMED, order, Ordering::Relaxed)
            .is_ok()
    })?;
    registry().used.fetch_max(index as u32 + 1, order);
    let link = link(index);
    link.tracee_process.store(process, Ordering::Relaxed);
    link.tracer_process.store(tracer, Ordering::Relaxed);
    for word in [
        &link.state,
        &link.status,
        &link.options,
        &link.is_seized,
        &link.asked,
        &link.executes,
        &link.resumed_by,
        &link.is_group_stop,
        &link.in_call,
        &link.posted,
        &link.answered,
    ] {
        word.store(0, Ordering::Relaxed);
    }
    link.message.store(0, Ordering::Relaxed);
    if tid != 0 {
        link.tracee.store(tid, Ordering::Release);
    }
    Some(index)
}

/// The thread of a link that was claimed before it was made.
pub fn name(index: usize, tid: u32, process: u32) {
    let link = link(index);
    link.tracee_process.store(process, Ordering::Relaxed);
    link.tracee.store(tid, Ordering::Release);
}

/// Nobody is traced by this link any more.
pub fn free(index: usize) {
    link(index).tracer_process.store(0, Ordering::Relaxed);
    link(index).tracee.store(0, Ordering::Release);
    tell_news();
}

/// Whoever waits for tracees looks again.
pub fn tell_news() {
    let word = &registry().news;
    word.fetch_add(1, Ordering::AcqRel);
    wake(word);
}

/// Number of the last news, for [`await_news`].
pub fn news() -> u32 {
    registry().news.load(Ordering::Acquire)
}

/// Sleep until there are newer news than these, a signal comes, or for so long.
pub fn await_news(since: u32, most_ns: u64) {
    sleep(&registry().news, since, most_ns);
}

/// Wake who sleeps on a word.
pub fn wake(word: &AtomicU32) {
    // SAFETY: a futex word in shared memory.
    unsafe { syscall4(FUTEX, word.as_ptr() as u64, FUTEX_WAKE, i32::MAX as u64, 0) };
}

/// Sleep while a word has this value, at most so long.
pub fn sleep(word: &AtomicU32, value: u32, most_ns: u64) {
    let time = [0u64, most_ns];
    let (word, time) = (word.as_ptr() as u64, time.as_ptr() as u64);
    // SAFETY: a futex word in shared memory and a timespec of ours.
    unsafe { syscall4(FUTEX, word, FUTEX_WAIT, u64::from(value), time) };
}

/// The room of a link.
///
/// # Safety
/// Whoever's turn it is: the tracer's until a request is posted, the tracee's until it is answered.
#[allow(clippy::mut_from_ref)]
pub unsafe fn room(link: &Link) -> &mut [u8; ROOM] {
    // SAFETY: by contract nobody else uses it now.
    unsafe { &mut *(&raw const link.room).cast_mut() }
}

/// The process of the calling thread, as the kernel knows it.
pub fn own_process() -> u32 {
    // SAFETY: no effect.
    unsafe { syscall0(GETPID) as u32 }
}

/// Whether a process of this pid namespace has not ended.
pub fn is_alive(process: u32) -> bool {
    // SAFETY: a descriptor of ours, closed again; a pollfd of ours.
    unsafe {
        let descriptor = syscall2(numbers::PIDFD_OPEN, u64::from(process), 0);
        if descriptor < 0 {
            return false;
        }
        let request = [descriptor as u64 | numbers::POLLIN << 32];
        let has_ended = syscall3(numbers::POLL, request.as_ptr() as u64, 1, 0) == 1;
        syscall2(CLOSE, descriptor as u64, 0);
        !has_ended
    }
}
