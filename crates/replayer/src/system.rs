//! The system calls the replayer performs for itself, with results as `Result`.

use reenact_freestanding::numbers;
use reenact_freestanding::syscall::{syscall1, syscall2, syscall3, syscall4, syscall5, syscall6};

/// An errno value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

pub(crate) fn check(result: i64) -> Result<u64, Errno> {
    if (-4095..0).contains(&result) {
        Err(Errno(-result as i32))
    } else {
        Ok(result as u64)
    }
}

/// Read at an offset; short at the end of the file.
pub fn read_at(descriptor: i32, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut done = 0;
    while done < buffer.len() {
        // SAFETY: the kernel writes into `buffer` only.
        let result = unsafe {
            syscall4(
                numbers::PREAD64,
                descriptor as u64,
                buffer[done..].as_mut_ptr() as u64,
                (buffer.len() - done) as u64,
                offset + done as u64,
            )
        };
        match check(result) {
            Ok(0) => break,
            Ok(count) => done += count as usize,
            Err(Errno(4)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Where the first data (SEEK_DATA) or hole (SEEK_HOLE) of a file from an offset on begins.
pub fn seek(descriptor: i32, offset: u64, whence: u64) -> Result<u64, Errno> {
    // SAFETY: the descriptor is ours, and its place is used by nothing else.
    check(unsafe { syscall3(numbers::LSEEK, descriptor as u64, offset, whence) })
}

/// Write everything, in one call where the kernel takes it whole.
pub fn write_all(descriptor: i32, bytes: &[u8]) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        // SAFETY: the kernel reads `bytes` only.
        let result = unsafe {
            syscall3(
                numbers::WRITE,
                descriptor as u64,
                bytes[done..].as_ptr() as u64,
                (bytes.len() - done) as u64,
            )
        };
        match check(result) {
            Ok(count) => done += count as usize,
            Err(Errno(4)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// `mmap`.
///
/// # Safety
/// With MAP_FIXED it replaces whatever is there.
pub unsafe fn map(
    address: u64,
    length: u64,
    protection: u64,
    flags: u64,
    descriptor: i32,
    offset: u64,
) -> Result<u64, Errno> {
    // SAFETY: passed on to the caller.
    check(unsafe {
        syscall6(
            numbers::MMAP,
            address,
            length,
            protection,
            flags,
            descriptor as i64 as u64,
            offset,
        )
    })
}

/// `munmap`.
///
/// # Safety
/// Nothing may use the range afterwards.
pub unsafe fn unmap(address: u64, length: u64) -> Result<(), Errno> {
    // SAFETY: passed on to the caller.
    check(unsafe { syscall2(numbers::MUNMAP, address, length) }).map(drop)
}

/// `mprotect`.
///
/// # Safety
/// The range must not be one the replayer itself relies on.
pub unsafe fn protect(address: u64, length: u64, protection: u64) -> Result<(), Errno> {
    // SAFETY: passed on to the caller.
    check(unsafe { syscall3(numbers::MPROTECT, address, length, protection) }).map(drop)
}

/// `madvise`.
///
/// # Safety
/// The advice may destroy the content of the range.
pub unsafe fn advise(address: u64, length: u64, advice: u64) -> Result<(), Errno> {
    // SAFETY: passed on to the caller.
    check(unsafe { syscall3(numbers::MADVISE, address, length, advice) }).map(drop)
}

/// Map the shared memory at an address at another one, too (`mremap` of no length), replacing what is there.
///
/// # Safety
/// Nothing may use what was at the target.
pub unsafe fn map_once_more(from: u64, length: u64, to: u64) -> Result<(), Errno> {
    const FLAGS: u64 = numbers::MREMAP_MAYMOVE | numbers::MREMAP_FIXED;
    // SAFETY: passed on to the caller.
    check(unsafe { syscall5(numbers::MREMAP, from, 0, length, FLAGS, to) }).map(drop)
}

/// `mremap` with a fixed target of the same length, which is replaced.
///
/// # Safety
/// Nothing may use the old range afterwards, nor what was at the target.
pub unsafe fn move_mapping(from: u64, length: u64, to: u64) -> Result<(), Errno> {
    const FLAGS: u64 = numbers::MREMAP_MAYMOVE | numbers::MREMAP_FIXED;
    // SAFETY: passed on to the caller.
    check(unsafe { syscall5(numbers::MREMAP, from, length, length, FLAGS, to) }).map(drop)
}

/// `fork`: the pid of the child, 0 in the child.
pub fn fork() -> Result<u32, Errno> {
    // SAFETY: one host thread; the child continues with a copy of everything.
    check(unsafe { syscall6(numbers::CLONE, u64::from(numbers::SIGCHLD), 0, 0, 0, 0, 0) })
        .map(|pid| pid as u32)
}

/// Have the kernel forget ended children.
pub fn ignore_children() -> Result<(), &'static str> {
    const SIG_IGN: u64 = 1;
    // The kernel's `struct sigaction`: handler, flags, restorer, mask.
    let action = [SIG_IGN, 0, 0, 0];
    // SAFETY: the structure is as the kernel wants it; no handler is installed.
    let result = unsafe {
        syscall4(
            numbers::RT_SIGACTION,
            u64::from(numbers::SIGCHLD),
            action.as_ptr() as u64,
            0,
            8,
        )
    };
    check(result)
        .map(drop)
        .map_err(|_| "cannot ignore the ends of children")
}

/// `wait4` for any child: pid and wait status; `None` when there is nothing to report.
pub fn wait_any(block: bool) -> Option<(u32, i32)> {
    let mut status = 0i32;
    loop {
        // SAFETY: the kernel writes `status` only.
        let result = unsafe {
            syscall4(
                numbers::WAIT4,
                u64::MAX,
                core::ptr::from_mut(&mut status) as u64,
                if block { 0 } else { numbers::WNOHANG },
                0,
            )
        };
        match check(result) {
            Ok(0) => return None,
            Ok(pid) => return Some((pid as u32, status)),
            Err(Errno(4)) => {}
            Err(_) => return None,
        }
    }
}

/// Monotonic time in nanoseconds.
pub fn monotonic_ns() -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: the kernel writes 16 bytes into `time`.
    unsafe { syscall2(numbers::CLOCK_GETTIME, 1, time.as_mut_ptr() as u64) };
    time[0] * 1_000_000_000 + time[1]
}

/// Sleep on a futex word while it holds `value`, at most `milliseconds`.
pub fn futex_wait(word: &core::sync::atomic::AtomicU32, value: u32, milliseconds: u64) {
    let timeout = [milliseconds / 1000, milliseconds % 1000 * 1_000_000];
    // SAFETY: the word and the timeout live through the call.
    unsafe {
        syscall4(
            numbers::FUTEX,
            word.as_ptr() as u64,
            numbers::FUTEX_WAIT,
            u64::from(value),
            timeout.as_ptr() as u64,
        )
    };
}

/// Wake one sleeper on a futex word.
pub fn futex_wake(word: &core::sync::atomic::AtomicU32) {
    // SAFETY: the word is mapped.
    unsafe { syscall3(numbers::FUTEX, word.as_ptr() as u64, numbers::FUTEX_WAKE, 1) };
}

/// Wake all sleepers on a futex word.
pub fn futex_wake_all(word: &core::sync::atomic::AtomicU32) {
    const ALL: u64 = i32::MAX as u64;
    // SAFETY: the word is mapped.
    unsafe {
        syscall3(
            numbers::FUTEX,
            word.as_ptr() as u64,
            numbers::FUTEX_WAKE,
            ALL,
        )
    };
}

pub fn exit(status: u8) -> ! {
    loop {
        // SAFETY: ends the process.
        unsafe { syscall1(numbers::EXIT_GROUP, u64::from(status)) };
    }
}
