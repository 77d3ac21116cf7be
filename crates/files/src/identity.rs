//! What a file is known by without reading it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use reenact_trace::FileIdentity;

/// The identity of an open file.
pub fn identity_of(file: &File) -> io::Result<FileIdentity> {
    let status = file.metadata()?;
    let nanoseconds = |seconds: i64, rest: i64| {
        (seconds as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(rest as u64)
    };
    Ok(FileIdentity {
        device: status.dev(),
        inode: status.ino(),
        size: status.size(),
        modified_ns: nanoseconds(status.mtime(), status.mtime_nsec()),
        changed_ns: nanoseconds(status.ctime(), status.ctime_nsec()),
    })
}
