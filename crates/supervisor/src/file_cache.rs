//! Copies of mapped files that several traces share, under the user's cache directory.
//!
//! A program and its libraries are the same in most recordings, and copying them is what takes the
//! longest in a short one. So the first recording that copies a file leaves a hard link of its copy
//! here, and later ones take theirs from it (`crates/recorder/src/files.rs`): on disk they are one.
//! Nobody may write to it then. A copy that was changed nevertheless is known by its time stamp, which
//! was made the original's, and is not taken; traces that have it find its checksum wrong.
//! What no trace uses any more is removed after a day, when it has grown large, and by `reenact rm`.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str;
use std::time::{SystemTime, UNIX_EPOCH};

use reenact_files::{cache_part, replace_private};
use reenact_trace::arena::{FILE_CACHE_MAX, KEPT_FILE_MODE};
use reenact_trace::FileIdentity;

/// Files that no trace has may take so many bytes; beyond that the longest unused go.
const UNUSED_LIMIT: u64 = 1 << 30;
/// And there may be so many of them.
const UNUSED_FILES: usize = 1000;
/// After so many seconds without a trace that has it, a file goes.
const UNUSED_SECONDS: u64 = 24 * 60 * 60;
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
        FileCache::at(cache_part("files"))
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
        if !fs::metadata(copy).is_ok_and(|status| is_copy_of(&status, identity)) {
            return;
        }
        // One that is there and was not taken has been changed by somebody.
        drop(fs::remove_file(&place));
        if fs::hard_link(copy, &place).is_err() {
            return;
        }
        self.has_grown = true;
        let text = format!("{checksum:016x}\n");
        if replace_private(&place.with_extension(CHECKSUM), text.as_bytes()).is_err() {
            // Without it the file is read once more.
            drop(fs::remove_file(place.with_extension(CHECKSUM)));
        }
    }

    /// At the end of a recording: remove what is too much.
    pub fn prune(&self) {
        if self.has_grown {
            self.prune_to(UNUSED_LIMIT, UNUSED_SECONDS);
        }
    }

    /// Remove files that no trace has: those that none has had for `seconds`, and then the longest
    /// unused, until the rest of them take at most `limit` bytes.
    pub fn prune_to(&self, limit: u64, seconds: u64) {
        if let Some(directory) = &self.directory {
            drop(prune(directory, limit, seconds));
        }
    }
}

/// Whether a file in the cache is still the copy that a recording has made.
fn is_copy_of(status: &fs::Metadata, identity: &FileIdentity) -> bool {
    let modified = status.mtime() as u64;
    let modified = modified
        .wrapping_mul(1_000_000_000)
        .wrapping_add(status.mtime_nsec() as u64);
    status.len() == identity.size
        && modified == identity.modified_ns
        && status.mode() & 0o7777 == KEPT_FILE_MODE
}

fn prune(directory: &Path, limit: u64, seconds: u64) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    let mut unused = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(status) = entry.metadata() else {
            continue;
        };
        let path = entry.path();
        // One with a dot first was being written when its recording ended.
        let is_unfinished = entry.file_name().as_bytes().starts_with(b".");
        if is_unfinished || status.nlink() == 1 && path.extension().is_none() {
            // Being linked changes an inode: that is when it was used last.
            unused.push((status.ctime(), status.ctime_nsec(), status.len(), path));
        }
    }
    unused.sort();
    let mut sum = 0;
    for (index, (used, _, length, path)) in unused.into_iter().rev().enumerate() {
        sum += length;
        let is_old = now.saturating_sub(used.max(0) as u64) >= seconds;
        if sum > limit || index >= UNUSED_FILES || is_old {
            drop(fs::remove_file(path.with_extension(CHECKSUM)));
            drop(fs::remove_file(path));
        }
    }
    Ok(())
}
