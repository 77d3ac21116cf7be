//! Threads of one address space run one at a time: the one that holds the token. The token changes
//! hands at system calls that wait, at the end of a time slice, and, when a thread has waited long,
//! in the middle of computation (preemption).

use core::sync::atomic::{AtomicUsize, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::{EventHeader, EventKind};

use crate::arena;
use crate::log::{self, Builder, TICKS_PER_MS};
use crate::sharing_group::{self, WaitKind};
use crate::snapshot::{registers, wishes};
use crate::thread::{self, requested, Thread};
use crate::{
    chaos, companions, grants, patience, run_queue, signal, spinning, suspects, time_stamps,
    unknown_code, wake_ups,
};

/// A thread's time slice: it ends at the first event after so long, if others wait. About as long as
/// the kernel's own, because a switch at an event costs little.
const SLICE: u64 = 4 * TICKS_PER_MS;
/// The time slice while another process waits that has returned from a call that waited; still long
/// beside the cost of a turn.
const SHORT_SLICE: u64 = TICKS_PER_MS;
/// The thread that released the token for a call that may wait and has no `Blocked` event yet,
/// because no other thread has run since; 0: none.
static RELEASED_IN_CALL: AtomicUsize = AtomicUsize::new(0);
/// Time-stamp counter when the running thread's slice began.
static mut SLICE_START: u64 = 0;

/// Whether others may run while this thread does not: threads of this process, or processes that
/// share memory with it.
#[inline]
pub fn is_shared() -> bool {
    thread::are_several() || sharing_group::is_member()
}

/// A thread more (called by its creator).
pub fn thread_added() {
    let before = thread::COUNT.fetch_add(1, Ordering::Relaxed);
    if before == 1 && chaos::is_on() {
        chaos::begin();
    }
}

/// A new thread, which the kernel may start late, waits for the token from now on (called by its
/// creator): threads begin in the order in which they were made. Chaos lets the kernel decide.
pub fn enqueue_new(new: &mut Thread) {
    if chaos::is_on() {
        return await_new_thread();
    }
    run_queue::lock().enqueue(new);
}

/// The call that made a thread is nearly over: chance decides whether the new thread gets to
/// compete for the token first, which it hardly ever would otherwise.
fn await_new_thread() {
    if !chaos::waits_for_new_thread() {
        return;
    }
    let before = run_queue::waiting();
    let pause = [0u64, 20_000];
    // SAFETY: a timespec of ours.
    unsafe {
        for _ in 0..10 {
            if run_queue::waiting() != before {
                break;
            }
            syscall2(numbers::NANOSLEEP, pause.as_ptr() as u64, 0);
        }
    }
}

/// Take the token for the first time. The creator may have called [`enqueue_new`] before, or does so later.
pub fn acquire_first(thread: &mut Thread) {
    if chaos::is_on() {
        return acquire(thread, WaitKind::AfterSlice);
    }
    await_grant(thread);
    begin_turn(thread, WaitKind::AfterSlice);
}

/// The thread could not be created after all.
pub fn thread_not_added() {
    thread::COUNT.fetch_sub(1, Ordering::Relaxed);
}

/// After a fork there is one thread, and it runs.
pub fn after_fork() {
    run_queue::after_fork();
    // SAFETY: one thread exists.
    unsafe { SLICE_START = log::time() };
    thread::COUNT.store(1, Ordering::Relaxed);
    RELEASED_IN_CALL.store(0, Ordering::Relaxed);
}

fn grant(thread: &Thread) {
    companions::holds_token(thread);
    grants::give(thread);
}

/// Give the token to the first thread that waits; if none does, nobody holds it.
fn release_token() {
    companions::releases_token();
    // A thread of this process goes on in the same turn when no other process waits.
    if run_queue::waiting() == 0 || sharing_group::somebody_waits() {
        sharing_group::release();
    }
    let queue = run_queue::lock();
    let next = queue.take_next();
    if next.is_none() {
        queue.free_token();
    }
    drop(queue);
    let Some(next) = next else {
        return;
    };
    if companions::is_gone(next) {
        // It was killed while it waited.
        next.waits.store(0, Ordering::Relaxed);
        return release_token();
    }
    grant(next);
}

/// Take the token, waiting for it in turn, at the end of a call that waits or of a slice. Sets the current
/// thread.
pub fn acquire(thread: &mut Thread, kind: WaitKind) {
    wake_ups::sleep_ends(thread);
    let queue = run_queue::lock();
    let is_free = queue.take_free_token();
    if !is_free {
        queue.enqueue(thread);
    }
    drop(queue);
    if !is_free {
        await_grant(thread);
    }
    begin_turn(thread, kind);
}

/// Wait until a thread of the queue has the token.
fn await_grant(thread: &Thread) {
    thread.waits.store(1, Ordering::Relaxed);
    patience::wait_until_granted(thread, release_token);
    check_queued_signals(thread);
}

/// The thread has this process's token: what is done before it goes on.
fn begin_turn(thread: &mut Thread, kind: WaitKind) {
    let previous = RELEASED_IN_CALL.swap(0, Ordering::Relaxed);
    thread::set_current(thread);
    thread.is_wanted.store(0, Ordering::Relaxed);
    companions::holds_token(thread);
    if sharing_group::is_member() {
        thread.waits.store(1, Ordering::Relaxed);
        sharing_group::take(thread, kind);
        check_queued_signals(thread);
    }
    unknown_code::take_turn(thread);
    suspects::take_turn(thread);
    time_stamps::take_turn(thread);
    if spinning::was_seen_lately() {
        signal::timer::begin_looks(thread);
    }
    // SAFETY: we have the token.
    unsafe { SLICE_START = log::time() };
    if previous != 0 && previous != thread as *mut Thread as usize {
        // Somebody runs while that one waits in its call: now it has to be in the log.
        // SAFETY: a thread that is inside its call; its block outlives it.
        let header = unsafe { (*(previous as *const Thread)).blocked_call };
        log_blocked(&header);
    }
}

/// The thread does not wait any more: signals that came meanwhile are looked after by its timer.
fn check_queued_signals(thread: &Thread) {
    thread.waits.store(0, Ordering::Relaxed);
    if signal::queued(thread) {
        signal::timer::arm(thread);
    }
}

/// How long the current thread's turn has lasted, in ticks.
pub fn turn_length() -> u64 {
    // SAFETY: we have the token.
    log::time().wrapping_sub(unsafe { SLICE_START })
}

/// The current thread is about to release the token.
fn charge(thread: &mut Thread) {
    if wishes::are_taken() {
        registers::leave(thread);
    }
    signal::timer::end_looks(thread);
    // SAFETY: we have the token.
    wake_ups::charge(thread, unsafe { SLICE_START });
}

/// Log that the current thread is at a call, which returns later or never.
pub fn log_blocked(header: &EventHeader) {
    let mut event = Builder::new(EventKind::Blocked, header.code);
    *event.header = EventHeader {
        kind: EventKind::Blocked as u8,
        flags: 0,
        ..*header
    };
    event.commit();
}

/// The current thread is about to perform a call that may wait: let others run. `call` is the
/// header of its event.
pub fn release_for_call(thread: &mut Thread, call: &EventHeader) {
    thread.blocked_call = *call;
    thread.is_blocked = true;
    charge(thread);
    wake_ups::sleep_begins(thread, call);
    // The order of processes is told by events: others could run without us knowing.
    if run_queue::waiting() > 0 || sharing_group::is_member() {
        log_blocked(call);
    } else {
        RELEASED_IN_CALL.store(thread as *mut Thread as usize, Ordering::Relaxed);
    }
    release_token();
}

/// The current thread is stopped by its tracer, at a place that the log knows: let others run.
pub fn release_in_stop(thread: &mut Thread) {
    charge(thread);
    thread.waits.store(1, Ordering::Relaxed);
    release_token();
}

/// The current thread stands still until it takes the token again, or is led out of the recording: let others run.
pub fn pause(thread: &Thread) {
    signal::timer::end_looks(thread);
    release_token();
}

/// The thread ends: whoever waits may run.
pub fn leave() {
    thread::COUNT.fetch_sub(1, Ordering::Relaxed);
    release_token();
}

/// The process ends, a companion of others or one that has companions: whoever waits may run.
pub fn pass_on() {
    release_token();
}

/// Let others run now. The last event of the log says where this thread stands.
#[inline(never)]
pub fn yield_now(thread: &mut Thread) {
    if !has_to_yield() {
        return;
    }
    charge(thread);
    if !pass_token(thread) {
        release_token();
        return acquire(thread, WaitKind::AfterSlice);
    }
    grants::look(thread);
    patience::wait_until_granted(thread, release_token);
    check_queued_signals(thread);
    begin_turn(thread, WaitKind::AfterSlice);
}

/// Give the token to the first thread that waits, and wait for it behind all others. In one step: the kernel may run the
/// other one first and this one much later, and the other one must not believe that nobody waits. False when that
/// takes more.
fn pass_token(thread: &mut Thread) -> bool {
    if companions::any() || sharing_group::has_to_release() {
        return false;
    }
    let queue = run_queue::lock();
    let Some(next) = queue.take_next() else {
        return false;
    };
    thread.waits.store(1, Ordering::Relaxed);
    queue.enqueue(thread);
    drop(queue);
    grant(next);
    true
}

/// Let others run while `wait` takes, and longer if they do. The last event of the log says where this thread stands.
pub fn let_others_run(thread: &mut Thread, wait: impl FnOnce()) {
    charge(thread);
    release_token();
    wait();
    acquire(thread, WaitKind::AfterSlice);
}

/// Let the thread run that the current one has just woken, if it arrives soon.
#[inline(never)]
fn yield_to_woken(thread: &mut Thread) {
    /// A processor that sleeps needs some 50 µs until it runs the thread.
    const SOON_NS: u64 = 200_000;
    let queue = run_queue::lock();
    let is_expected = run_queue::waiting() == 0 && !sharing_group::is_member();
    if is_expected {
        // Whoever arrives first takes the token; this thread waits first in the queue for it.
        charge(thread);
        queue.enqueue(thread);
        queue.free_token();
    }
    drop(queue);
    if !is_expected {
        return yield_now(thread);
    }
    thread.waits.store(1, Ordering::Relaxed);
    grants::sleep(thread, SOON_NS);
    if !reclaim(thread) {
        patience::wait_until_granted(thread, release_token);
    }
    check_queued_signals(thread);
    begin_turn(thread, WaitKind::AfterSlice);
}

/// Take the token back that [`yield_to_woken`] released, if nobody has taken it. The queue then holds only
/// this thread, because any other would have taken the token.
fn reclaim(thread: &Thread) -> bool {
    let queue = run_queue::lock();
    let is_there = queue.take_free_token();
    if is_there {
        queue.take_only(thread);
    }
    is_there
}

/// After an event: if others wait and the slice is over, let them run.
#[inline]
pub fn after_event(thread: &mut Thread) {
    if thread.awaited_child != 0 {
        return await_child(thread);
    }
    let asked = thread.preemption_requested.load(Ordering::Relaxed) & requested::NOW != 0;
    if asked && sharing_group::has_lost_turn() {
        thread.preemption_requested.store(0, Ordering::Relaxed);
        return yield_now(thread);
    }
    if run_queue::waiting() > 0 && chaos::is_on() {
        thread.preemption_requested.store(0, Ordering::Relaxed);
        if (asked || chaos::yields()) && run_queue::lock().has_rival(thread) {
            yield_now(thread);
        }
        return;
    }
    if core::mem::take(&mut thread.yields_to_woken) {
        return yield_to_woken(thread);
    }
    // SAFETY: we have the token.
    let ran = log::time().wrapping_sub(unsafe { SLICE_START });
    let over = ran > SLICE || ran > SHORT_SLICE && sharing_group::somebody_waits_after_call();
    if (over || asked) && somebody_waits() {
        thread.preemption_requested.store(0, Ordering::Relaxed);
        yield_now(thread);
    }
}

/// Whether somebody waits for the token.
pub fn somebody_waits() -> bool {
    run_queue::waiting() > 0 || sharing_group::somebody_waits()
}

/// Whether the running thread has to yield when it is asked to.
pub fn has_to_yield() -> bool {
    somebody_waits() || sharing_group::has_lost_turn()
}

/// Behind the event of a fork with CLONE_VFORK: let others run until the child executes another image
/// or ends, one of which it may need to do so.
#[cold]
#[inline(never)]
pub fn await_child(thread: &mut Thread) {
    const POLLIN: u64 = 1;
    if thread.awaited_child & COMPANION != 0 {
        return await_companion(thread);
    }
    let (slot, pid) = (thread.awaited_child >> 32, thread.awaited_child as u32);
    let word = &arena::waiter(slot as usize).parent_waits;
    thread.awaited_child = 0;
    charge(thread);
    release_token();
    // SAFETY: a descriptor of ours, closed again; a pollfd, a timespec and a futex word of ours.
    unsafe {
        let child = syscall2(numbers::PIDFD_OPEN, u64::from(pid), 0);
        let mut request = [child as u64 | POLLIN << 32];
        let time = [0u64, arena::LOOK_AGAIN_NS];
        // Without a descriptor the child has been waited for already.
        while child >= 0 && word.load(Ordering::Acquire) == 1 {
            let (at, limit) = (word.as_ptr() as u64, time.as_ptr() as u64);
            syscall4(FUTEX, at, FUTEX_WAIT, 1, limit);
            if syscall3(numbers::POLL, request.as_mut_ptr() as u64, 1, 0) == 1 {
                break;
            }
        }
        if child >= 0 {
            syscall2(CLOSE, child as u64, 0);
        }
    }
    acquire(thread, WaitKind::AfterCall);
}

/// Marks an address of a companion's block among the children that are waited for.
const COMPANION: u64 = 1 << 63;

/// How [`Thread::awaited_child`] names a companion.
pub fn awaited_companion(companion: &Thread) -> u64 {
    core::ptr::from_ref(companion) as u64 | COMPANION
}

/// The same for a child in this memory.
fn await_companion(thread: &mut Thread) {
    // SAFETY: its block is not given back while it is awaited.
    let child = unsafe { &*((thread.awaited_child & !COMPANION) as *const Thread) };
    thread.awaited_child = 0;
    charge(thread);
    release_token();
    let time = [0u64, arena::LOOK_AGAIN_NS];
    while child.lives.load(Ordering::Acquire) == 1 {
        let at = child.lives.as_ptr() as u64;
        // SAFETY: a futex word, which the kernel clears, and a timespec of ours.
        unsafe { syscall4(FUTEX, at, FUTEX_WAIT, 1, time.as_ptr() as u64) };
    }
    child.awaited.store(0, Ordering::Relaxed);
    acquire(thread, WaitKind::AfterCall);
}
