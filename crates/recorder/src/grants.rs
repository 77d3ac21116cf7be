//! How the token is given to a thread that waits for it, asleep or awake.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{self, FUTEX};
use reenact_freestanding::syscall::syscall4;

use crate::log::{self, TICKS_PER_MS};
use crate::thread::Thread;

/// What [`Thread::granted`] holds: the thread has not got the token and does not sleep, it has got it, it sleeps until then.
const AWAKE: u32 = 0;
const GRANTED: u32 = 1;
const ASLEEP: u32 = 2;

/// The thread begins to wait for the token. A new one may have begun to sleep before.
pub fn take_back(thread: &Thread) {
    let any = Ordering::Relaxed;
    // Another value says that it has not got it.
    let _ = thread.granted.compare_exchange(GRANTED, AWAKE, any, any);
}

/// Give the token to a thread that waits for it.
pub fn give(thread: &Thread) {
    let word = &raw const thread.granted as u64;
    // From here on the thread runs, and may end: only the kernel looks at its word.
    if thread.granted.swap(GRANTED, Ordering::AcqRel) == ASLEEP {
        // SAFETY: a futex word of ours.
        unsafe { syscall4(FUTEX, word, numbers::FUTEX_WAKE_PRIVATE, 1, 0) };
    }
}

/// Whether somebody has given the token to the thread.
pub fn has_token(thread: &Thread) -> bool {
    thread.granted.load(Ordering::Acquire) == GRANTED
}

/// Sleep until the thread has the token, for so long or until a signal comes: the kernel's result.
pub fn sleep(thread: &Thread, most_ns: u64) -> i64 {
    let word = &raw const thread.granted as u64;
    let time = [0u64, most_ns];
    // Another value says that it is granted, or asleep already.
    let any = Ordering::Relaxed;
    let _ = thread.granted.compare_exchange(AWAKE, ASLEEP, any, any);
    // SAFETY: a futex word and a timespec of ours.
    unsafe {
        syscall4(
            FUTEX,
            word,
            numbers::FUTEX_WAIT_PRIVATE,
            u64::from(ASLEEP),
            time.as_ptr() as u64,
        )
    }
}

/// Threads that wait for one another in loops have short turns, and a processor that sleeps needs longer than such a
/// turn until it runs the next one: so one that hands over in such a loop first looks for its next turn awake. Where
/// that is in vain it is left out, more often each time.
pub fn look(thread: &mut Thread) {
    /// As long as it takes to sleep and to be woken on another processor.
    const MOST: u64 = TICKS_PER_MS / 25;
    const MOST_LEFT_OUT: u32 = 1024;
    if thread.spins == 0 {
        return;
    }
    if thread.looks_left_out > 0 {
        thread.looks_left_out -= 1;
        return;
    }
    let start = log::time();
    while !has_token(thread) {
        if log::time().wrapping_sub(start) > MOST {
            thread.looks_in_vain = (2 * thread.looks_in_vain).clamp(1, MOST_LEFT_OUT);
            thread.looks_left_out = thread.looks_in_vain;
            return;
        }
        core::hint::spin_loop();
    }
    thread.looks_in_vain /= 2;
}
