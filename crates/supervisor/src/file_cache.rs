//! Copies of mapped files that several traces share, under the user's cache directory.
//!
//! A program and its libraries are the same in most recordings, and copying them is what takes the
//! longest in a short one. So the first recording that copies a file leaves a hard link of its copy
//! here, and later ones take theirs from it (`crates/recorder/src/files.rs`): on disk they are one.
//! What no trace uses any more is removed when it has grown large.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str;

use reenact_trace::arena::FILE_CACHE_MAX;
use reenact_trace::FileIdentity;

use crate::cache_directory;

/// Files that no trace has may take so many bytes; beyond that the longest unused go.
const UNUSED_LIMIT: u64 = 1 << 30;
/// And there may be so many of them.
const UNUSED_FILES: usize = 1000;
/// Added to the name of a file, the name of what holds its checksum.
const CHECKSUM: &str = "sum";
/// Files that have changed less than this before the recording began are not taken from the cache
/// nor put there: their time stamps may be too coarse to tell a later change.
const SETTLED_NS: u64 = 2_000_000_000;

/// The cache; without a directory it is empty and stays so.
pub struct FileCache {
    directory: Option<PathBuf>,
    has_grown: bool,
}

impl FileCache {
    pub fn open() -> FileCache {
        FileCache::at(cache_directory::part("files"))
    }

    /// A cache in a directory of its own.
    pub fn at(directory: Option<PathBuf>) -> FileCache {
        let fits = |path: &PathBuf| path.as_os_str().len() < FILE_CACHE_MAX;
        FileCache {
            directory: directory.filter(fits),
            has_grown: false,
        }
    }

    /// The directory, for the recorders: NUL-terminated, or empty.
    pub fn name(&self) -> [u8; FILE_CACHE_MAX] {
        let mut name = [0; FILE_CACHE_MAX];
        if let Some(directory) = &self.directory {
            let bytes = directory.as_os_str().as_bytes();
            name[..bytes.len()].copy_from_slice(bytes);
        }
        name
    }

    /// Files that have changed later than this, for a recording that starts at `now`, are not for
    /// the cache. Both in nanoseconds since the epoch.
    pub fn settled_before(now: u64) -> u64 {
        now.saturating_sub(SETTLED_NS)
    }

    /// Where the copy of a file is, if there is one.
    pub fn place(&self, identity: &FileIdentity) -> Option<PathBuf> {
        let name = identity.cache_name();
        Some(self.directory.as_ref()?.join(str::from_utf8(&name).ok()?))
    }

    /// The checksum of the content of the file with this identity, where it is known.
    pub fn checksum(&self, identity: &FileIdentity) -> Option<u64> {
        let text = fs::read_to_string(self.place(identity)?.with_extension(CHECKSUM)).ok()?;
        u64::from_str_radix(text.trim_end(), 16).ok()
    }

    /// Keep a copy that a recording has made. Does nothing where that is not possible, as when the
    /// trace is on another file system.
    pub fn add(&mut self, identity: &FileIdentity, copy: &Path, checksum: u64) {
        let Some(place) = self.place(identity) else {
            return;
        };
        let complete = fs::metadata(copy).is_ok_and(|status| status.len() == identity.size);
        if !complete || fs::hard_link(copy, &place).is_err() {
            return;
        }
        self.has_grown = true;
        // Written whole or not at all; without it the file is read once more.
        let new = place.with_extension(format!("{}", std::process::id()));
        let text = format!("{checksum:016x}\n");
        if fs::write(&new, text).is_err()
            || fs::rename(&new, place.with_extension(CHECKSUM)).is_err()
        {
            drop(fs::remove_file(new));
        }
    }

    /// At the end of a recording: remove what is too much.
    pub fn prune(&self) {
        if self.has_grown {
            self.prune_to(UNUSED_LIMIT);
        }
    }

    /// Remove files that no trace has, the longest unused first, until the rest of them take at most
    /// `limit` bytes.
    pub fn prune_to(&self, limit: u64) {
        if let Some(directory) = &self.directory {
            drop(prune(directory, limit));
        }
    }
}

fn prune(directory: &Path, limit: u64) -> io::Result<()> {
    let mut unused = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(status) = entry.metadata() else {
            continue;
        };
        let path = entry.path();
        if status.nlink() == 1 && path.extension().is_none() {
            // Being linked changes an inode: that is when it was used last.
            unused.push((status.ctime(), status.ctime_nsec(), status.len(), path));
        }
    }
    unused.sort();
    let mut sum = 0;
    for (index, (_, _, length, path)) in unused.into_iter().rev().enumerate() {
        sum += length;
        if sum > limit || index >= UNUSED_FILES {
            drop(fs::remove_file(path.with_extension(CHECKSUM)));
            drop(fs::remove_file(path));
        }
    }
    Ok(())
}
