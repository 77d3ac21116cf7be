//! The recorder that is a part of this file, as a file that can be executed.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::PathBuf;

use crate::failure::Failure;

static RECORDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/recorder"));
const NAME: &CStr = c"reenact-recorder";
/// Since Linux 6.3, where a machine can be set to forbid execution of such files otherwise.
const MFD_EXEC: libc::c_uint = 0x10;

/// The recorder in memory; gone when this is dropped.
pub struct Recorder(File);

impl Recorder {
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// # Errors
/// Where this program was built without it, or the kernel has no files in memory.
pub fn recorder() -> Result<Recorder, Failure> {
    if RECORDER.is_empty() {
        return Err(Failure::new(
            "this reenact-recorder was built without the recorder",
            "build it by: make recorder",
        ));
    }
    file().map(Recorder).map_err(|error| {
        Failure::system(
            "the recorder cannot be put into memory",
            &error,
            "it needs /proc, and a kernel that lets files in memory be executed",
        )
    })
}

fn file() -> io::Result<File> {
    let mut written = [MFD_EXEC, 0]
        .into_iter()
        .map(|flag| create(libc::MFD_CLOEXEC | flag))
        .find(|made| !matches!(made, Err(error) if error.raw_os_error() == Some(libc::EINVAL)))
        .unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::EINVAL)))?;
    written.write_all(RECORDER)?;
    // A file that somebody can write to is not executed.
    File::open(format!("/proc/self/fd/{}", written.as_raw_fd()))
}

fn create(flags: libc::c_uint) -> io::Result<File> {
    // SAFETY: a constant name.
    let descriptor = unsafe { libc::memfd_create(NAME.as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given it to us.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}
