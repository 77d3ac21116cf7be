//! Files and directories for their owner's eyes only, whatever the file mode mask.

use std::ffi::{CString, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::regular::open_at;

/// Names that are tried for a file that has none yet.
const ATTEMPTS: u32 = 64;

/// Make a file that must not exist, mode 0600, for writing at its end.
pub fn create_private(path: &Path) -> io::Result<File> {
    let flags = libc::O_WRONLY | libc::O_APPEND;
    create(None, path, flags)
}

/// Make a directory of mode 0700, and what is above it. One that exists becomes private, if it is
/// ours.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    make_private(path)
}

/// Take away what others may do with a directory, if it is ours.
pub fn make_private(path: &Path) -> io::Result<()> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    let directory = File::from(open_at(None, path, flags, 0)?);
    let status = directory.metadata()?;
    // SAFETY: asks only.
    let is_ours = status.uid() == unsafe { libc::geteuid() };
    if is_ours && status.mode() & 0o7777 != 0o700 {
        directory.set_permissions(Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Let `path` be a private file with this content: whole, or as it was before.
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let directory = open_at(None, directory, libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    replace_at(directory.as_fd(), Path::new(name), content)
}

pub(crate) fn replace_at(directory: BorrowedFd<'_>, name: &Path, content: &[u8]) -> io::Result<()> {
    let (unfinished, mut file) = create_unnamed(directory, name)?;
    let written = file
        .write_all(content)
        .and_then(|()| rename_at(directory, &unfinished, name));
    if written.is_err() {
        drop(unlink_at(directory, &unfinished));
    }
    written
}

/// A new file under a name that nobody could foresee, as mkstemp(3) makes one.
fn create_unnamed(directory: BorrowedFd<'_>, name: &Path) -> io::Result<(OsString, File)> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let mut unfinished = OsString::from(".");
        unfinished.push(name);
        unfinished.push(format!(".{:016x}", random()?));
        match create(Some(directory), Path::new(&unfinished), libc::O_WRONLY) {
            Ok(file) => return Ok((unfinished, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn create(directory: Option<BorrowedFd<'_>>, name: &Path, flags: libc::c_int) -> io::Result<File> {
    let flags = flags | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
    let file = File::from(open_at(directory, name, flags, 0o600)?);
    // The mask may have taken the owner's rights away.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

fn random() -> io::Result<u64> {
    let mut bytes = [0u8; 8];
    // SAFETY: the kernel writes up to so many bytes of ours.
    let count = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if count == bytes.len() as isize {
        Ok(u64::from_le_bytes(bytes))
    } else {
        Err(io::Error::last_os_error())
    }
}

fn rename_at(directory: BorrowedFd<'_>, from: &OsString, to: &Path) -> io::Result<()> {
    let from = CString::new(from.as_bytes())?;
    let to = CString::new(to.as_os_str().as_bytes())?;
    let number = directory.as_raw_fd();
    // SAFETY: NUL-terminated names of ours.
    let result = unsafe { libc::renameat(number, from.as_ptr(), number, to.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn unlink_at(directory: BorrowedFd<'_>, name: &OsString) -> io::Result<()> {
    let name = CString::new(name.as_bytes())?;
    // SAFETY: a NUL-terminated name of ours.
    let result = unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
