//! Each thread's timer. A signal that arrives while the program computes waits for its next system call. If
//! none comes within milliseconds, the timer interrupts it, and the signal is delivered where the
//! program is, at a landing.

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::syscall::{syscall1, syscall3, syscall4};

use super::{landing_cost, SIGSYS};
use crate::thread::{QueuedSignal, Thread};

const SI_TIMER: i32 = numbers::SI_TIMER as i32;
/// Marks our timer's signals among those with the number of SIGSYS.
const COOKIE: u64 = 0x7265_656e_6163_7421;
/// A signal waits at least this long for a system call.
const DELAY_NS: u64 = 2_000_000;

/// The thread ends, or has been copied to a child, which has no timers.
pub fn forget(thread: &Thread, delete: bool) {
    let timer = thread.timer.swap(0, Ordering::Relaxed);
    thread.timer_armed.store(0, Ordering::Relaxed);
    if delete && timer > 0 {
        // SAFETY: our timer.
        unsafe { syscall1(numbers::TIMER_DELETE, timer as u64 - 1) };
    }
}

/// Whether a signal comes from the timer.
pub fn is_alarm(signal: &QueuedSignal) -> bool {
    signal.number == SIGSYS
        && (signal.info[1] & 0xffff_ffff) as i32 == SI_TIMER
        && signal.info[3] == COOKIE
}

/// Look again soon whether signals wait for `thread`, the calling one.
pub fn arm(thread: &Thread) {
    if thread.timer_armed.swap(1, Ordering::Relaxed) != 0 {
        return;
    }
    if thread.timer.load(Ordering::Relaxed) == 0 {
        let mut id: i32 = -1;
        // struct sigevent: value, signal number and kind, thread id.
        let event = [
            COOKIE,
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
        if result < 0 {
            thread.timer_armed.store(0, Ordering::Relaxed);
            return;
        }
        thread.timer.store(id + 1, Ordering::Relaxed);
    }
    set(thread, landing_cost::pause_ns(DELAY_NS));
}

/// Look again at once: the program is at a place where no landing can be made.
pub fn arm_soon(thread: &Thread) {
    const SOON_NS: u64 = 30_000;
    if thread.timer.load(Ordering::Relaxed) != 0 {
        thread.timer_armed.store(1, Ordering::Relaxed);
        set(thread, SOON_NS);
    }
}

/// No signal waits any more: the timer must not interrupt a call of the program.
pub fn disarm(thread: &Thread) {
    if thread.timer_armed.swap(0, Ordering::Relaxed) != 0 {
        set(thread, 0);
        if thread.queued.load(Ordering::Relaxed) != 0 {
            // One has come meanwhile, and found the timer still armed, or armed it in vain.
            thread.timer_armed.store(0, Ordering::Relaxed);
            arm(thread);
        }
    }
}

fn set(thread: &Thread, delay_ns: u64) {
    let time = [0u64, 0, 0, delay_ns];
    let timer = thread.timer.load(Ordering::Relaxed) - 1;
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
