//! The recorder's own descriptors, of which the program knows nothing.

use reenact_freestanding::numbers;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall3, syscall4};

use crate::text::Text;
use crate::{arena, other_processes, text};

/// Whether a descriptor number is one of ours.
pub fn is_hidden(fd: u64) -> bool {
    arena::header().hidden_descriptors().contains(&(fd as i32))
}

/// Whether a thread is of a process in which these are hidden: this one, or another recorded one.
pub fn are_hidden_from(tid: u32) -> bool {
    // SAFETY: asks whether there is such a thread in this process.
    let is_own = unsafe {
        syscall3(
            numbers::TGKILL,
            syscall0(numbers::GETPID) as u64,
            tid.into(),
            0,
        )
    } == 0;
    is_own || other_processes::is_recorded(tid)
}

/// Whether a path, relative to a directory, is that of one of ours among the descriptors of such a process
/// (`/proc/PID/fd/N`, `fdinfo/N`, `/dev/fd/N`).
pub fn is_path_of_hidden(directory: u64, path: &[u8]) -> bool {
    let mut parts = path
        .rsplit(|&byte| byte == b'/')
        .filter(|part| !part.is_empty());
    let Some(number) = parts.next().and_then(number_of) else {
        return false;
    };
    if !is_hidden(number) {
        return false;
    }
    let mut resolved = [0u8; 128];
    let folder = match parts.next() {
        Some(folder) => Some((folder, parts.next())),
        None => resolve(directory, &mut resolved).and_then(|path| {
            let mut parts = path.rsplit(|&byte| byte == b'/');
            Some((parts.next()?, parts.next()))
        }),
    };
    let Some((b"fd" | b"fdinfo", owner)) = folder else {
        return false;
    };
    match owner {
        Some(b"dev" | b"self" | b"thread-self") => true,
        Some(name) => number_of(name).is_some_and(|pid| are_hidden_from(pid as u32)),
        None => false,
    }
}

/// The number that is all of a name.
fn number_of(name: &[u8]) -> Option<u64> {
    core::str::from_utf8(name).ok()?.parse().ok()
}

/// What a descriptor of the program's leads to.
fn resolve(descriptor: u64, path: &mut [u8; 128]) -> Option<&[u8]> {
    let descriptor = descriptor as i32;
    let link = text!("/proc/self/fd/{descriptor}\0");
    let (link, to) = (link.as_str().as_ptr() as u64, path.as_mut_ptr() as u64);
    // SAFETY: a name and a buffer of ours.
    let length = unsafe {
        let directory = numbers::AT_FDCWD as u64;
        syscall4(numbers::READLINKAT, directory, link, to, path.len() as u64)
    };
    path.get(..usize::try_from(length).ok()?)
}

/// Keep the program's descriptor, until the next image has its own: what `/proc/self/exe` is.
pub fn keep_program(descriptor: i32) {
    let to = arena::header().program_fd as u64;
    // SAFETY: descriptors of ours. Above the program's limit it fails.
    unsafe { syscall3(numbers::DUP3, descriptor as u64, to, numbers::O_CLOEXEC) };
}

/// A path, with its NUL, that leads to the running program whatever has become of its own; `None`: it could not be
/// kept, or there is no procfs at its usual place.
pub fn program_path() -> Option<Text> {
    let fd = arena::header().program_fd;
    existing(text!("/proc/self/fd/{fd}\0"))
}

/// The same of another recorded process, which keeps its program at the same descriptor.
pub fn program_path_of(process: u32) -> Option<Text> {
    let fd = arena::header().program_fd;
    existing(text!("/proc/{process}/fd/{fd}\0"))
}

fn existing(path: Text) -> Option<Text> {
    let name = path.as_str().as_ptr() as u64;
    // SAFETY: a NUL-terminated path of ours.
    let is_there = unsafe { syscall3(numbers::FACCESSAT, numbers::AT_FDCWD as u64, name, 0) } == 0;
    is_there.then_some(path)
}

/// Whether a descriptor is of the file that the recorder is.
pub fn is_recorder(fd: i32) -> bool {
    let identity = |fd: i32| {
        let mut stat = [0u64; 18];
        // SAFETY: struct stat is 144 bytes.
        let result = unsafe { syscall2(numbers::FSTAT, fd as u64, stat.as_mut_ptr() as u64) };
        (result == 0).then_some((stat[0], stat[1]))
    };
    identity(fd).is_some_and(|found| Some(found) == identity(arena::header().recorder_fd))
}

/// The hidden descriptor by which the kernel tells which pages have been written, where it does.
pub fn tracking_fd() -> u64 {
    arena::header().tracking_fd as u64
}

/// Let the program of the next image be that descriptor; whether it is.
pub fn pass_program(descriptor: i32) -> bool {
    // SAFETY: descriptors of ours.
    unsafe { syscall3(numbers::DUP3, descriptor as u64, tracking_fd(), 0) >= 0 }
}

/// The program that the image before has passed, as a descriptor that is closed by `execve`.
pub fn take_program() -> Option<i32> {
    // SAFETY: makes a descriptor of ours.
    let taken = unsafe { syscall3(numbers::FCNTL, tracking_fd(), numbers::F_DUPFD_CLOEXEC, 0) };
    (taken >= 0).then_some(taken as i32)
}

/// Nothing is told by that descriptor, or no more: it is another of ours, lest the kernel gives its number
/// to the program, which could not use it.
pub fn occupy_tracking() {
    let header = arena::header();
    // SAFETY: descriptors of ours. Above the program's limit it fails, and the number is nobody's.
    unsafe {
        syscall3(
            numbers::DUP3,
            header.recorder_fd as u64,
            header.tracking_fd as u64,
            0,
        )
    };
}
