//! Opening files of a trace, which may be somebody else's: no link is followed, nothing waits.

use core::ffi::CStr;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall1, syscall2, syscall4};

use crate::system::check;

pub const O_NOFOLLOW: u64 = n::O_NOFOLLOW;

/// Open a name in a directory.
pub fn open_at(directory: i32, path: &CStr, flags: u64) -> Option<i32> {
    // O_NONBLOCK: a fifo planted in somebody else's trace must not hang us.
    let flags = flags | n::O_CLOEXEC | n::O_NONBLOCK;
    // SAFETY: the path is NUL-terminated.
    let result = unsafe {
        syscall4(
            n::OPENAT,
            directory as i64 as u64,
            path.as_ptr() as u64,
            flags,
            0,
        )
    };
    check(result).ok().map(|descriptor| descriptor as i32)
}

/// Close a descriptor.
pub fn close(descriptor: i32) {
    // SAFETY: our descriptor.
    unsafe { syscall1(n::CLOSE, descriptor as u64) };
}

/// The size of a regular file in bytes, `None` for anything else.
pub fn regular_size(descriptor: i32) -> Option<u64> {
    status(descriptor).map(|stat| stat[6])
}

/// `struct stat` of a regular file as words: st_nlink is word 2, st_mode the low half of word 3,
/// st_size word 6.
fn status(descriptor: i32) -> Option<[u64; 18]> {
    const TYPE_MASK: u64 = 0o170000;
    const REGULAR: u64 = 0o100000;
    let mut stat = [0u64; 18];
    // SAFETY: the kernel writes 144 bytes.
    let result = unsafe { syscall2(n::FSTAT, descriptor as u64, stat.as_mut_ptr() as u64) };
    (result == 0 && stat[3] & TYPE_MASK == REGULAR).then_some(stat)
}

/// Whether `descriptor` is open.
pub fn is_open(descriptor: i32) -> bool {
    // SAFETY: asks only.
    unsafe { syscall2(n::FCNTL, descriptor as u64, n::F_GETFD) >= 0 }
}
