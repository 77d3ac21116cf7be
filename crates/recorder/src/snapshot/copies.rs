//! The copy of this process that writes a snapshot, while it does: a child that the program has not made. It sends no signal
//! at its end, so that only those who wait for all kinds of children (`__WALL`, `__WCLONE`) could meet it.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall4};

use super::wishes;
use crate::thread;

/// Its pid; 0: there is none.
static COPY: AtomicU32 = AtomicU32::new(0);

/// The log begins with what the copy writes: it is to be whole.
static IS_NEEDED: AtomicBool = AtomicBool::new(false);

/// The log begins with what the copy writes that has just been made.
pub fn is_needed() {
    IS_NEEDED.store(true, Ordering::Relaxed);
}

/// There is one now.
pub fn made(pid: u32) {
    COPY.store(pid, Ordering::Relaxed);
}

/// Whether there is one that still writes.
pub fn is_busy() -> bool {
    !has_ended(WNOHANG)
}

/// Wait until it has ended.
pub fn wait() {
    has_ended(0);
}

/// Let it end: the program is about to end, or to execute another image, which would not know of it. One that is needed is waited
/// for.
pub fn end() {
    let pid = COPY.load(Ordering::Relaxed);
    if IS_NEEDED.load(Ordering::Relaxed) {
        wait();
    } else if pid != 0 {
        // SAFETY: a child of ours, which has not been waited for.
        unsafe { syscall2(KILL, u64::from(pid), u64::from(SIGKILL)) };
        has_ended(0);
    }
}

/// The program is about to wait for children. One that waits for all kinds is to find none of ours.
pub fn before_waiting(options: u64) {
    if options & (__WALL | __WCLONE) != 0 {
        end();
        if thread::are_several() {
            // The others could make another one meanwhile.
            wishes::make_impossible();
        }
    }
}

/// A forked child has none.
pub fn after_fork() {
    COPY.store(0, Ordering::Relaxed);
    IS_NEEDED.store(false, Ordering::Relaxed);
}

/// Whether there is none any more; with WNOHANG, without waiting for that.
fn has_ended(options: u64) -> bool {
    let pid = COPY.load(Ordering::Relaxed);
    if pid == 0 {
        return true;
    }
    loop {
        // SAFETY: nothing is stored.
        let result = unsafe { syscall4(WAIT4, u64::from(pid), 0, __WCLONE | options, 0) };
        if result == 0 {
            return false;
        }
        if result != -EINTR {
            COPY.store(0, Ordering::Relaxed);
            IS_NEEDED.store(false, Ordering::Relaxed);
            return true;
        }
    }
}
