//! A memory file of ours in the place of a file of procfs that the program has opened.

use reenact_freestanding::numbers::{DUP3, FCNTL, FD_CLOEXEC, F_GETFD, LSEEK, O_CLOEXEC};
use reenact_freestanding::syscall::syscall3;

/// Have the program's descriptor `file` be of the memory file `to`, from its start; `to` stays open.
pub fn put(file: u64, to: u64) {
    // SAFETY: system calls on a descriptor of ours and on one that the program has been about to get.
    unsafe {
        let flags = syscall3(FCNTL, file, F_GETFD, 0) as u64;
        let closes = if flags & FD_CLOEXEC != 0 {
            O_CLOEXEC
        } else {
            0
        };
        syscall3(LSEEK, to, 0, 0);
        syscall3(DUP3, to, file, closes);
    }
}
