//! Sending a signal to oneself: one that the kernel is to keep, or to act on.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall4};

use super::queue::REAL_TIME;
use super::*;
use crate::thread::{QueuedSignal, Thread};

/// Send a signal that the kernel's mask blocks to oneself; those of its number that the kernel has kept
/// meanwhile stay behind it.
pub fn send_first(thread: &Thread, signal: &QueuedSignal) {
    const MOST: usize = 32;
    let mut followers = [*signal; MOST];
    let mut count = 0;
    if signal.number >= REAL_TIME {
        while count < MOST && take_pending(&mut followers[count]) {
            count += 1;
        }
    }
    send(thread, signal);
    for follower in &followers[..count] {
        send(thread, follower);
    }
}

/// Take a pending signal with the number of this one; false: there is none.
fn take_pending(signal: &mut QueuedSignal) -> bool {
    let set = bit(signal.number);
    let no_time = [0u64; 2];
    // SAFETY: a mask, a siginfo and a timespec of ours.
    let result = unsafe {
        syscall4(
            RT_SIGTIMEDWAIT,
            &raw const set as u64,
            signal.info.as_mut_ptr() as u64,
            no_time.as_ptr() as u64,
            8,
        )
    };
    result > 0
}

/// Block a signal and send it to oneself.
pub fn send_blocked(thread: &Thread, signal: &QueuedSignal) {
    let bit = bit(signal.number);
    // SAFETY: a mask of ours; SIG_BLOCK = 0.
    unsafe { syscall4(RT_SIGPROCMASK, 0, &raw const bit as u64, 0, 8) };
    send(thread, signal);
}

/// Send a signal to oneself.
pub fn send(thread: &Thread, signal: &QueuedSignal) {
    // SAFETY: a siginfo of ours; sending to oneself is always permitted.
    unsafe {
        let pid = syscall0(GETPID) as u64;
        syscall4(
            RT_TGSIGQUEUEINFO,
            pid,
            u64::from(thread.tid),
            u64::from(signal.number),
            signal.info.as_ptr() as u64,
        );
    }
}
