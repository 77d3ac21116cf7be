//! Opening what must be a regular file.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::error::{FileError, Problem};

/// Open a name below `directory` (`None`: the working directory) with these flags and mode.
pub(crate) fn open_at(
    directory: Option<BorrowedFd<'_>>,
    name: &Path,
    flags: libc::c_int,
    mode: libc::mode_t,
) -> io::Result<OwnedFd> {
    let name = CString::new(name.as_os_str().as_bytes())?;
    let directory = directory.map_or(libc::AT_FDCWD, |directory| directory.as_raw_fd());
    // O_NONBLOCK: a FIFO must not hang us; regular files do not know it. O_NOCTTY: nor may a
    // terminal become ours.
    let flags = flags | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    // SAFETY: a NUL-terminated name of ours; the descriptor is borrowed.
    let descriptor = unsafe { libc::openat(directory, name.as_ptr(), flags, mode) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Open a regular file of at most `most` bytes below `directory`; never a symbolic link.
pub(crate) fn open_regular_at(
    directory: BorrowedFd<'_>,
    name: &Path,
    flags: libc::c_int,
    most: u64,
) -> Result<File, Problem> {
    let flags = flags | libc::O_NOFOLLOW;
    checked(open_at(Some(directory), name, flags, 0o600)?, most)
}

/// Open a regular file of at most `most` bytes of this machine for reading. Links are followed:
/// the path has been chosen here, or is where distributions put links.
pub fn open_regular(path: &Path, most: u64) -> Result<File, FileError> {
    open_at(None, path, libc::O_RDONLY, 0)
        .map_err(Problem::from)
        .and_then(|descriptor| checked(descriptor, most))
        .map_err(|problem| FileError::new(path, problem))
}

fn checked(descriptor: OwnedFd, most: u64) -> Result<File, Problem> {
    let file = File::from(descriptor);
    let status = file.metadata().map_err(Problem::System)?;
    let kind = status.file_type();
    if !kind.is_file() {
        return Err(Problem::NotRegular(if kind.is_dir() {
            "a directory"
        } else if kind.is_fifo() {
            "a FIFO"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        }));
    }
    let size = status.size();
    if size > most {
        return Err(Problem::TooLarge { size, most });
    }
    Ok(file)
}
