//! Each thread's two timers.
//!
//! A signal that arrives while the program computes waits for its next system call. If none comes within
//! milliseconds, the first timer interrupts it, and the signal is delivered where the program is, at a
//! landing.
//!
//! In a program whose threads wait for each other in loops the second timer asks the running thread, during
//! its turn, whether it spins. Whoever waits could ask, and does at first; but where processors are scarce
//! it would have to wait for one.

use core::sync::atomic::{AtomicI32, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::syscall::{syscall1, syscall3, syscall4};

use super::{landing_cost, SIGSYS};
use crate::thread::{QueuedSignal, Thread};

const SI_TIMER: i32 = numbers::SI_TIMER as i32;
/// Mark our timers' signals among those with the number of SIGSYS.
const COOKIE: u64 = 0x7265_656e_6163_7421;
const LOOK_COOKIE: u64 = 0x7265_656e_6163_7422;
/// A signal waits at least this long for a system call.
const DELAY_NS: u64 = 2_000_000;
/// How often the running thread is asked whether it spins.
const LOOK_NS: u64 = 100_000;

/// The thread ends, or has been copied to a child, which has no timers.
pub fn forget(thread: &Thread, delete: bool) {
    thread.timer_armed.store(0, Ordering::Relaxed);
    thread.looks_armed.store(0, Ordering::Relaxed);
    for timer in [&thread.timer, &thread.look_timer] {
        let timer = timer.swap(0, Ordering::Relaxed);
        if delete && timer > 0 {
            // SAFETY: our timer.
            unsafe { syscall1(numbers::TIMER_DELETE, timer as u64 - 1) };
        }
    }
}

/// Whether a signal comes from the timer for signals.
pub fn is_alarm(signal: &QueuedSignal) -> bool {
    is_of(signal, COOKIE)
}

/// Whether a signal comes from the timer that asks whether the thread spins.
pub fn is_look(signal: &QueuedSignal) -> bool {
    is_of(signal, LOOK_COOKIE)
}

fn is_of(signal: &QueuedSignal, cookie: u64) -> bool {
    signal.number == SIGSYS
        && (signal.info[1] & 0xffff_ffff) as i32 == SI_TIMER
        && signal.info[3] == cookie
}

/// Make a thread's timer if it is not there yet. False when the kernel has none to give.
fn is_made(timer: &AtomicI32, thread: &Thread, cookie: u64) -> bool {
    if timer.load(Ordering::Relaxed) != 0 {
        return true;
    }
    let mut id: i32 = -1;
    // struct sigevent: value, signal number and kind, thread id.
    let event = [
        cookie,
        u64::from(SIGSYS) | numbers::SIGEV_THREAD_ID << 32,
        u64::from(thread.tid),
        0,
        0,
        0,
        0,
        0,
    ];
    // SAFETY: a sigevent and an int of ours.
    let result = unsafe {
        syscall3(
            numbers::TIMER_CREATE,
            numbers::CLOCK_MONOTONIC,
            event.as_ptr() as u64,
            &raw mut id as u64,
        )
    };
    if result >= 0 {
        timer.store(id + 1, Ordering::Relaxed);
    }
    result >= 0
}

/// From now on ask the calling thread, which has its turn, whether it spins.
pub fn begin_looks(thread: &Thread) {
    let is_armed = thread.looks_armed.load(Ordering::Relaxed) != 0;
    if !is_armed && is_made(&thread.look_timer, thread, LOOK_COOKIE) {
        thread.looks_armed.store(1, Ordering::Relaxed);
        set(&thread.look_timer, LOOK_NS, LOOK_NS);
    }
}

/// Its turn ends: the timer must not interrupt its calls that wait.
pub fn end_looks(thread: &Thread) {
    if thread.looks_armed.load(Ordering::Relaxed) != 0 {
        thread.looks_armed.store(0, Ordering::Relaxed);
        set(&thread.look_timer, 0, 0);
    }
}

/// Look again soon whether signals wait for `thread`, the calling one.
pub fn arm(thread: &Thread) {
    if thread.timer_armed.swap(1, Ordering::Relaxed) != 0 {
        return;
    }
    if !is_made(&thread.timer, thread, COOKIE) {
        thread.timer_armed.store(0, Ordering::Relaxed);
        return;
    }
    set(&thread.timer, landing_cost::pause_ns(DELAY_NS), 0);
}

/// Look again at once: the program is at a place where no landing can be made.
pub fn arm_soon(thread: &Thread) {
    const SOON_NS: u64 = 30_000;
    if thread.timer.load(Ordering::Relaxed) != 0 {
        thread.timer_armed.store(1, Ordering::Relaxed);
        set(&thread.timer, SOON_NS, 0);
    }
}

/// No signal waits any more: the timer must not interrupt a call of the program.
pub fn disarm(thread: &Thread) {
    if thread.timer_armed.swap(0, Ordering::Relaxed) != 0 {
        set(&thread.timer, 0, 0);
        if thread.queued.load(Ordering::Relaxed) != 0 {
            // One has come meanwhile, and found the timer still armed, or armed it in vain.
            thread.timer_armed.store(0, Ordering::Relaxed);
            arm(thread);
        }
    }
}

/// Let a timer fire after a time, and then each time that another one has passed; 0: not.
fn set(timer: &AtomicI32, delay_ns: u64, interval_ns: u64) {
    let time = [0u64, interval_ns, 0, delay_ns];
    let timer = timer.load(Ordering::Relaxed) - 1;
    // SAFETY: an itimerspec of ours.
    unsafe {
        syscall4(
            numbers::TIMER_SETTIME,
            timer as u64,
            0,
            time.as_ptr() as u64,
            0,
        )
    };
}
