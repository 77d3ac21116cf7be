//! The file that an `execve` is about, opened: by a path, relative to a directory, or by a descriptor alone.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::arena::program_place;

use crate::{files, hidden_descriptors, text};

/// An open descriptor of it, closed when this goes.
pub struct ProgramFile {
    pub descriptor: i32,
    /// How a new image finds it ([`program_place`]).
    pub place: u32,
    /// The program's descriptor, which is all there is of a name, is gone in the new image.
    pub is_closed_by_exec: bool,
    /// It is open for its name only, and cannot be opened once more.
    pub is_unreadable: bool,
}

impl ProgramFile {
    /// The program that runs.
    pub fn running(flags: u64) -> Result<ProgramFile, i64> {
        let place = program_place::DESCRIPTOR;
        let kept = hidden_descriptors::program_path()
            .map(|path| opened(AT_FDCWD as i32, path.as_str().as_bytes(), flags, place));
        match kept {
            Some(Ok(file)) => Ok(file),
            // There may be no /proc at its usual place.
            _ => ProgramFile::open(None, crate::proc_files::executable(), flags),
        }
    }

    /// Open it as `execveat` does. `path` is NUL-terminated; without a directory that of `execve`. -errno on
    /// failure.
    pub fn open(directory: Option<i32>, path: &[u8], flags: u64) -> Result<ProgramFile, i64> {
        let Some(directory) = directory else {
            // What such a path leads to may be closed by the call itself.
            let is_passing = path.starts_with(b"/proc/") || path.starts_with(b"/dev/fd/");
            let place = if is_passing {
                program_place::DESCRIPTOR
            } else {
                program_place::PATH
            };
            return opened(AT_FDCWD as i32, path, flags, place);
        };
        if hidden_descriptors::is_hidden(directory as u64) {
            return Err(-EBADF);
        }
        let descriptor_flags = fcntl(directory, numbers::F_GETFD);
        if descriptor_flags < 0 {
            return Err(descriptor_flags);
        }
        let mut file = if path[0] == 0 {
            again(directory)?
        } else {
            opened(directory, path, flags, program_place::DESCRIPTOR)?
        };
        file.is_closed_by_exec = descriptor_flags as u64 & numbers::FD_CLOEXEC != 0;
        Ok(file)
    }
}

impl Drop for ProgramFile {
    fn drop(&mut self) {
        // SAFETY: our descriptor.
        unsafe { syscall2(CLOSE, self.descriptor as u64, 0) };
    }
}

fn opened(directory: i32, path: &[u8], flags: u64, place: u32) -> Result<ProgramFile, i64> {
    let follow = if flags & numbers::AT_SYMLINK_NOFOLLOW != 0 {
        numbers::O_NOFOLLOW
    } else {
        0
    };
    // A FIFO is no program, and must not make us wait.
    let how = O_RDONLY | O_CLOEXEC | numbers::O_NONBLOCK | follow;
    let (directory, path) = (directory as i64 as u64, path.as_ptr() as u64);
    // SAFETY: a NUL-terminated path of ours.
    let descriptor = unsafe { syscall4(OPENAT, directory, path, how, 0) };
    if descriptor == -EACCES {
        return unreadable(directory, path, follow, place);
    }
    if descriptor < 0 {
        return Err(descriptor);
    }
    Ok(ProgramFile {
        descriptor: descriptor as i32,
        place,
        is_closed_by_exec: false,
        is_unreadable: false,
    })
}

/// A file that may be executed and not be read: by its mode, or as Landlock has it.
fn unreadable(directory: u64, path: u64, follow: u64, place: u32) -> Result<ProgramFile, i64> {
    let how = numbers::O_PATH | O_CLOEXEC | follow;
    // SAFETY: a NUL-terminated path of ours.
    let descriptor = unsafe { syscall4(OPENAT, directory, path, how, 0) };
    if descriptor < 0 {
        return Err(-EACCES);
    }
    let file = ProgramFile {
        descriptor: descriptor as i32,
        place,
        is_closed_by_exec: false,
        is_unreadable: true,
    };
    let is_file = files::status(file.descriptor).is_some_and(|status| status.is_regular);
    if is_file && is_executable(file.descriptor) {
        Ok(file)
    } else {
        Err(-EACCES)
    }
}

/// Whether the calling process may execute the file behind a descriptor.
fn is_executable(descriptor: i32) -> bool {
    const EXECUTE: u64 = 1;
    let (empty, how) = (c"".as_ptr() as u64, AT_EMPTY_PATH | numbers::AT_EACCESS);
    // SAFETY: asks.
    unsafe { syscall4(FACCESSAT2, descriptor as u64, empty, EXECUTE, how) == 0 }
}

/// The file behind a descriptor of the program, which may be open for its name only.
fn again(descriptor: i32) -> Result<ProgramFile, i64> {
    let link = text!("/proc/self/fd/{descriptor}\0");
    let place = program_place::NAMELESS;
    let opened = opened(AT_FDCWD as i32, link.as_str().as_bytes(), 0, place);
    if !matches!(opened, Err(error) if error == -ENOENT || error == -numbers::ENOTDIR) {
        return opened;
    }
    // There is no /proc.
    let copy = fcntl(descriptor, numbers::F_DUPFD_CLOEXEC);
    if copy < 0 {
        return Err(copy);
    }
    let status = fcntl(descriptor, numbers::F_GETFL) as u64;
    Ok(ProgramFile {
        descriptor: copy as i32,
        place,
        is_closed_by_exec: false,
        is_unreadable: status & (numbers::O_PATH | numbers::O_WRONLY) != 0,
    })
}

fn fcntl(descriptor: i32, command: u64) -> i64 {
    // SAFETY: asks, or makes a descriptor of ours.
    unsafe { syscall3(FCNTL, descriptor as u64, command, 0) }
}
