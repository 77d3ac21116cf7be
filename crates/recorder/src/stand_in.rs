//! A memory file of ours in the place of a file of procfs that the program has opened.

use core::ffi::CStr;

use reenact_freestanding::numbers::{
    CLOSE, DUP3, FCNTL, FD_CLOEXEC, F_GETFD, LSEEK, MEMFD_CREATE, MFD_CLOEXEC, O_CLOEXEC, READ,
    WRITE,
};
use reenact_freestanding::syscall::{syscall2, syscall3};

use crate::file_size_limit;

/// Read a file from where it is to its end, or until there is no more room: how many bytes there are, 0 also where it cannot
/// be read.
pub fn read(file: i64, room: &mut [u8]) -> usize {
    let mut length = 0;
    while length < room.len() {
        let rest = &mut room[length..];
        let (to, space) = (rest.as_mut_ptr() as u64, rest.len() as u64);
        // SAFETY: fills a buffer of ours.
        match unsafe { syscall3(READ, file as u64, to, space) } {
            count @ 1.. => length += count as usize,
            _ => break,
        }
    }
    length
}

/// Have the program's descriptor be of a memory file with what `write` writes to the descriptor it is given, if it says so;
/// else, and where there can be no such file, the program reads its own from the start. 0 or -errno.
pub fn replace(file: i64, name: &CStr, write: impl FnOnce(i64) -> bool) -> i64 {
    // SAFETY: system calls on descriptors of ours and the one that the program has been about to get.
    unsafe {
        let to = syscall2(MEMFD_CREATE, name.as_ptr() as u64, MFD_CLOEXEC);
        let is_other = to >= 0 && file_size_limit::lifted(|| write(to));
        if is_other {
            put(file as u64, to as u64);
        } else {
            syscall3(LSEEK, file as u64, 0, 0);
        }
        if to >= 0 {
            syscall2(CLOSE, to as u64, 0);
        }
        to.min(0)
    }
}

/// Add to a memory file of ours.
pub fn write(to: i64, bytes: &[u8]) {
    // SAFETY: bytes of ours.
    unsafe { syscall3(WRITE, to as u64, bytes.as_ptr() as u64, bytes.len() as u64) };
}

/// Have the program's descriptor `file` be of the memory file `to`, from its start; `to` stays open.
fn put(file: u64, to: u64) {
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
