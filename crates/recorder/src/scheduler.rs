//! The token: threads of one address space run one at a time. It is handed over at system calls
//! that wait, when a time slice is over, and, to a thread that has waited long, in the middle of
//! computation.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall4};
use reenact_trace::{EventHeader, EventKind};

use crate::arena;
use crate::chaos;
use crate::cpuid;
use crate::log::{self, Builder, TICKS_PER_MS};
use crate::sharing_group::{self, Place};
use crate::signal;
use crate::thread::{self, Thread};
use crate::wake_ups;

/// Most threads of one process.
pub const MOST_THREADS: usize = 4096;
/// How long a thread may run while others wait, when it comes to a place that the log knows: much as
/// the kernel would have it, a switch there costs little.
const SLICE: u64 = 4 * TICKS_PER_MS;
/// How long while another process waits that comes from a call: long beside what a turn costs.
const SHORT_SLICE: u64 = TICKS_PER_MS;
/// How long a waiting thread sleeps before it asks the running one to make room where it is.
const PATIENCE_NS: u64 = 20_000_000;

const MILLION: u64 = 1_000_000;

/// Threads that wait for the token, first come first served; a ring of thread addresses.
static mut QUEUE: [usize; MOST_THREADS] = [0; MOST_THREADS];
static mut FIRST: usize = 0;
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// 1 while somebody has the token.
static HELD: AtomicU32 = AtomicU32::new(1);
/// Guards the queue and `HELD`; held for a few instructions.
static LOCK: AtomicU32 = AtomicU32::new(0);
/// Threads there are.
static THREADS: AtomicU32 = AtomicU32::new(1);
/// The thread that let go of the token in a call that may wait, and has not been logged as
/// blocked because nobody has run since; 0: none.
static LET_GO: AtomicUsize = AtomicUsize::new(0);
/// Time-stamp counter when the running thread's slice began.
static mut SLICE_START: u64 = 0;

/// Whether there is more than one thread.
#[inline]
pub fn is_threaded() -> bool {
    THREADS.load(Ordering::Relaxed) > 1
}

/// Whether others may run while this thread does not: threads of this process, or processes that
/// share memory with it.
#[inline]
pub fn is_shared() -> bool {
    is_threaded() || sharing_group::is_member()
}

fn lock() {
    let mut spins = 0;
    while LOCK.swap(1, Ordering::Acquire) != 0 {
        spins += 1;
        if spins > 100 {
            const SCHED_YIELD: u64 = 24;
            // SAFETY: lets the thread that has the lock run.
            unsafe { syscall0(SCHED_YIELD) };
        }
        core::hint::spin_loop();
    }
}

fn unlock() {
    LOCK.store(0, Ordering::Release);
}

/// A thread more (called by its creator).
pub fn thread_added() {
    let before = THREADS.fetch_add(1, Ordering::Relaxed);
    if before == 1 && chaos::is_on() {
        chaos::begin();
    }
}

/// A new thread, which the kernel may start late, waits for the token from now on (called by its
/// creator): threads begin in the order in which they were made. Chaos lets the kernel decide.
pub fn introduce(newborn: &mut Thread) {
    if chaos::is_on() {
        return await_newborn();
    }
    lock();
    enqueue(newborn);
    unlock();
}

/// The call that made a thread is nearly over: chance decides whether the new thread gets to
/// compete for the token first, which it hardly ever would otherwise.
fn await_newborn() {
    if !chaos::awaits_newborn() {
        return;
    }
    const NANOSLEEP: u64 = 35;
    let before = WAITING.load(Ordering::Relaxed);
    let pause = [0u64, 20_000];
    // SAFETY: a timespec of ours.
    unsafe {
        for _ in 0..10 {
            if WAITING.load(Ordering::Relaxed) != before {
                break;
            }
            syscall2(NANOSLEEP, pause.as_ptr() as u64, 0);
        }
    }
}

/// Take the token for the first time. [`introduce`] may have come before or not yet.
pub fn acquire_first(thread: &mut Thread) {
    if chaos::is_on() {
        return acquire(thread, Place::Slice);
    }
    await_grant(thread);
    begin_turn(thread, Place::Slice);
}

/// It did not come to be.
pub fn thread_not_added() {
    THREADS.fetch_sub(1, Ordering::Relaxed);
}

/// After a fork there is one thread, and it runs.
pub fn after_fork() {
    // SAFETY: one thread exists.
    unsafe {
        FIRST = 0;
        SLICE_START = log::time();
    }
    WAITING.store(0, Ordering::Relaxed);
    LOCK.store(0, Ordering::Relaxed);
    HELD.store(1, Ordering::Relaxed);
    THREADS.store(1, Ordering::Relaxed);
    LET_GO.store(0, Ordering::Relaxed);
}

fn grant(address: usize) {
    // SAFETY: a thread that waits in `acquire`, which its block outlives.
    let thread = unsafe { &*(address as *const Thread) };
    thread.granted.store(1, Ordering::Release);
    let word = &raw const thread.granted as u64;
    const FUTEX_WAKE_PRIVATE: u64 = 129;
    // SAFETY: a futex word of ours.
    unsafe { syscall4(FUTEX, word, FUTEX_WAKE_PRIVATE, 1, 0) };
}

/// A place of the queue; `index` may be beyond its end once.
fn place(index: usize) -> *mut usize {
    (&raw mut QUEUE)
        .cast::<usize>()
        .wrapping_add(index % MOST_THREADS)
}

/// Whether the thread at a place of the queue is of low priority now.
///
/// # Safety
/// Under the lock; `index` is that of a thread that waits.
unsafe fn is_low(index: usize) -> bool {
    // SAFETY: a thread in the queue waits in `acquire`, which its block outlives.
    unsafe { chaos::is_low((*(place(index).read() as *const Thread)).tid) }
}

/// Chaos: bring a random one of the waiting threads to the front, of low priority only when
/// there is no other.
///
/// # Safety
/// Under the lock, and `waiting` threads wait, at least one.
unsafe fn draw_first(waiting: usize) {
    // SAFETY: as above.
    unsafe {
        let start = chaos::below(waiting as u64) as usize;
        let chosen = (0..waiting)
            .map(|step| FIRST + (start + step) % waiting)
            .find(|&index| !is_low(index))
            .unwrap_or(FIRST + start);
        core::ptr::swap(place(FIRST), place(chosen));
    }
}

/// Chaos: whether some waiting thread may take the place of the running one.
fn has_rival(running: &Thread) -> bool {
    lock();
    // SAFETY: under the lock.
    let rival = unsafe {
        chaos::is_low(running.tid)
            || (0..WAITING.load(Ordering::Relaxed)).any(|step| !is_low(FIRST + step))
    };
    unlock();
    rival
}

/// Pass the token to the first thread that waits; otherwise lay it down.
fn pass_on() {
    // A thread of this process goes on in the same turn when no other process waits.
    if WAITING.load(Ordering::Relaxed) == 0 || sharing_group::somebody_waits() {
        sharing_group::release();
    }
    lock();
    // SAFETY: under the lock.
    let next = unsafe {
        let waiting = WAITING.load(Ordering::Relaxed);
        if waiting == 0 {
            HELD.store(0, Ordering::Relaxed);
            0
        } else {
            if chaos::is_on() {
                draw_first(waiting);
            }
            let next = place(FIRST).read();
            FIRST = (FIRST + 1) % MOST_THREADS;
            WAITING.store(waiting - 1, Ordering::Relaxed);
            next
        }
    };
    unlock();
    if next != 0 {
        grant(next);
    }
}

/// Take the token, waiting for it in turn, at the end of a call that waits or of a slice. Sets the current
/// thread.
pub fn acquire(thread: &mut Thread, at: Place) {
    wake_ups::wakes_up(thread);
    lock();
    if HELD.load(Ordering::Relaxed) == 0 {
        HELD.store(1, Ordering::Relaxed);
        unlock();
    } else {
        enqueue(thread);
        unlock();
        await_grant(thread);
    }
    begin_turn(thread, at);
}

/// Wait behind all others; under the lock.
fn enqueue(thread: &mut Thread) {
    thread.granted.store(0, Ordering::Relaxed);
    // SAFETY: under the lock; there are no more threads than places.
    unsafe {
        let waiting = WAITING.load(Ordering::Relaxed);
        place(FIRST + waiting).write(thread as *mut Thread as usize);
        WAITING.store(waiting + 1, Ordering::Relaxed);
    }
}

/// Wait until a thread of the queue has the token.
fn await_grant(thread: &Thread) {
    thread.waits.store(1, Ordering::Relaxed);
    wait(thread);
    looks_again(thread);
}

/// This process's token is the thread's: what it does before it goes on.
fn begin_turn(thread: &mut Thread, at: Place) {
    let previous = LET_GO.swap(0, Ordering::Relaxed);
    thread::set_current(thread);
    if sharing_group::is_member() {
        thread.waits.store(1, Ordering::Relaxed);
        sharing_group::take(thread, at);
        looks_again(thread);
    }
    cpuid::take_turn(thread);
    // SAFETY: we have the token.
    unsafe { SLICE_START = log::time() };
    if previous != 0 && previous != thread as *mut Thread as usize {
        // Somebody runs while that one waits in its call: now it has to be in the log.
        // SAFETY: a thread that is inside its call; its block outlives it.
        let header = unsafe { (*(previous as *const Thread)).blocked_call };
        log_blocked(&header);
    }
}

/// A thread that waited for its turn has it.
fn looks_again(thread: &Thread) {
    thread.waits.store(0, Ordering::Relaxed);
    if signal::queued(thread) {
        signal::late::arm(thread);
    }
}

/// Sleep until the thread has the token, for so long or until a signal comes: the kernel's result.
fn sleep_until_granted(thread: &Thread, most_ns: u64) -> i64 {
    const FUTEX_WAIT_PRIVATE: u64 = 128;
    let word = &raw const thread.granted as u64;
    let time = [0u64, most_ns];
    // SAFETY: a futex word and a timespec of ours.
    unsafe { syscall4(FUTEX, word, FUTEX_WAIT_PRIVATE, 0, time.as_ptr() as u64) }
}

fn wait(thread: &Thread) {
    let mut start = log::time();
    while thread.granted.load(Ordering::Acquire) == 0 {
        let least = if chaos::is_on() {
            chaos::patience_ns()
        } else {
            PATIENCE_NS
        };
        let patience = signal::pause_ns(least);
        let result = sleep_until_granted(thread, patience);
        const ETIMEDOUT: i64 = 110;
        // Signals that come more often than its patience ends must not make it endless.
        let ticks = patience.saturating_mul(TICKS_PER_MS) / MILLION;
        let over = result == -ETIMEDOUT || log::time().wrapping_sub(start) > ticks;
        let asks = over
            && thread.granted.load(Ordering::Acquire) == 0
            && !(chaos::is_on() && chaos::is_low(thread.tid));
        if asks {
            let pid = arena::slot().pid.load(Ordering::Relaxed);
            signal::late::ask_for_room(pid, thread::current().tid);
            start = log::time();
        }
    }
}

/// The current thread is about to lay the token down.
fn charge(thread: &mut Thread) {
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
pub fn let_go(thread: &mut Thread, call: &EventHeader) {
    thread.blocked_call = *call;
    charge(thread);
    wake_ups::falls_asleep(thread, call);
    // The order of processes is told by events: others could run without us knowing.
    if WAITING.load(Ordering::Relaxed) > 0 || sharing_group::is_member() {
        log_blocked(call);
    } else {
        LET_GO.store(thread as *mut Thread as usize, Ordering::Relaxed);
    }
    pass_on();
}

/// The thread ends: whoever waits may run.
pub fn leave() {
    THREADS.fetch_sub(1, Ordering::Relaxed);
    pass_on();
}

/// Let others run now, at a place the log knows.
#[inline(never)]
pub fn yield_now(thread: &mut Thread) {
    if somebody_waits() {
        charge(thread);
        pass_on();
        acquire(thread, Place::Slice);
        thread.frame.resume_at = crate::patch::resume_address(thread.frame.resume_at);
    }
}

/// Let the thread run that the current one has just woken, if it comes soon, at a place the log knows.
#[inline(never)]
fn make_way(thread: &mut Thread) {
    /// A processor that sleeps needs some 50 µs until it runs the thread.
    const SOON_NS: u64 = 200_000;
    lock();
    let is_expected = WAITING.load(Ordering::Relaxed) == 0 && !sharing_group::is_member();
    if is_expected {
        // The token lies there for whoever comes, and comes back to this thread.
        charge(thread);
        enqueue(thread);
        HELD.store(0, Ordering::Relaxed);
    }
    unlock();
    if !is_expected {
        return yield_now(thread);
    }
    thread.waits.store(1, Ordering::Relaxed);
    sleep_until_granted(thread, SOON_NS);
    if !take_back(thread) {
        wait(thread);
    }
    looks_again(thread);
    begin_turn(thread, Place::Slice);
    thread.frame.resume_at = crate::patch::resume_address(thread.frame.resume_at);
}

/// Nobody has come for the token that the thread has laid down in [`make_way`]: then the queue holds
/// only that thread, because others would have taken the token.
fn take_back(thread: &Thread) -> bool {
    lock();
    let is_there = HELD.load(Ordering::Relaxed) == 0;
    if is_there {
        HELD.store(1, Ordering::Relaxed);
        // SAFETY: under the lock.
        unsafe {
            debug_assert!(place(FIRST).read() == core::ptr::from_ref(thread) as usize);
            FIRST = (FIRST + 1) % MOST_THREADS;
        }
        WAITING.store(0, Ordering::Relaxed);
    }
    unlock();
    is_there
}

/// After an event: if others wait and the slice is over, let them run.
#[inline]
pub fn after_event(thread: &mut Thread) {
    if WAITING.load(Ordering::Relaxed) > 0 && chaos::is_on() {
        let asked = thread.room_asked.swap(0, Ordering::Relaxed) != 0;
        if (asked || chaos::gives_way()) && has_rival(thread) {
            yield_now(thread);
        }
        return;
    }
    if core::mem::take(&mut thread.gives_way) {
        return make_way(thread);
    }
    // SAFETY: we have the token.
    let ran = log::time().wrapping_sub(unsafe { SLICE_START });
    let over = ran > SLICE || ran > SHORT_SLICE && sharing_group::somebody_is_eager();
    let asked = thread.room_asked.load(Ordering::Relaxed) != 0;
    if (over || asked) && somebody_waits() {
        thread.room_asked.store(0, Ordering::Relaxed);
        yield_now(thread);
    }
}

/// Whether somebody waits for the token.
pub fn somebody_waits() -> bool {
    WAITING.load(Ordering::Relaxed) > 0 || sharing_group::somebody_waits()
}
