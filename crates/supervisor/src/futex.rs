//! Futexes in memory shared between processes.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleep while `word` is `expected`, at most `timeout`.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let limit = libc::timespec {
        tv_sec: timeout.as_secs() as i64,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: the word outlives the call; a wrong or early return is harmless to the callers,
    // which look at their condition again.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            &limit,
        );
    }
}

/// Wake every waiter on `word`.
pub fn wake_all(word: &AtomicU32) {
    // SAFETY: as above; FUTEX_WAKE only reads the address.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX);
    }
}
