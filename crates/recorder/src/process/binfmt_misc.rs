//! Whether the kernel's binfmt_misc would hand a file to an interpreter.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::binfmt_misc;

const DIRECTORY: &core::ffi::CStr = c"/proc/sys/fs/binfmt_misc";

fn open(directory: i64, name: *const u8, flags: u64) -> i64 {
    // SAFETY: NUL-terminated names.
    unsafe {
        syscall4(
            OPENAT,
            directory as u64,
            name as u64,
            O_RDONLY | O_CLOEXEC | flags,
            0,
        )
    }
}

fn close(fd: i64) {
    // SAFETY: a descriptor of ours.
    unsafe { syscall2(CLOSE, fd as u64, 0) };
}

fn read(fd: i64, into: &mut [u8]) -> &[u8] {
    // SAFETY: a buffer of ours.
    let count = unsafe { syscall3(READ, fd as u64, into.as_mut_ptr() as u64, into.len() as u64) };
    &into[..count.max(0) as usize]
}

/// Whether a rule is about a file that begins so. Asked only of files that are no programs by
/// themselves.
pub fn applies(start: &[u8], path: &[u8]) -> bool {
    const DIRECTORY_FLAG: u64 = 0o200_000;
    let directory = open(AT_FDCWD, DIRECTORY.as_ptr().cast(), DIRECTORY_FLAG);
    if directory < 0 {
        return false;
    }
    let mut entries = [0u8; 4096];
    let mut found = false;
    loop {
        // SAFETY: a buffer of ours.
        let count = unsafe {
            let at = entries.as_mut_ptr() as u64;
            syscall3(GETDENTS64, directory as u64, at, entries.len() as u64)
        };
        if count <= 0 || found {
            break;
        }
        found = is_any(directory, &entries[..count as usize], start, path);
    }
    close(directory);
    found
}

/// Whether one of the rules in a piece of the listing (`struct linux_dirent64`) applies.
fn is_any(directory: i64, entries: &[u8], start: &[u8], path: &[u8]) -> bool {
    const NAME: usize = 19;
    let mut rest = entries;
    while rest.len() > NAME {
        let length = usize::from(u16::from_le_bytes([rest[16], rest[17]]));
        if length <= NAME || length > rest.len() {
            return false;
        }
        let name = &rest[NAME..length];
        let mut rule = [0u8; 4096];
        let fd = open(directory, name.as_ptr(), 0);
        if fd >= 0 {
            let applies = binfmt_misc::interpreter(read(fd, &mut rule), start, path).is_some();
            close(fd);
            if applies {
                return true;
            }
        }
        rest = &rest[length..];
    }
    false
}
