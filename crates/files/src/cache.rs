//! Where what recordings and replays can use again is kept, under the user's cache directory.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::private::{create_private_directory, make_private};

/// `$XDG_CACHE_HOME/reenact/<part>`, or below `~/.cache`, made if need be and private; `None` where
/// there is no such place.
pub fn cache_part(part: &str) -> Option<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    // The XDG specification: a relative path is invalid and to be ignored. An empty HOME is one.
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(absolute)
        .or_else(|| {
            let home = env::var_os("HOME").map(PathBuf::from).filter(absolute);
            home.map(|home| home.join(".cache"))
        })?;
    let ours = base.join("reenact");
    let directory = ours.join(part);
    create_private_directory(&directory).ok()?;
    make_private(&ours).ok()?;
    Some(directory)
}

/// What a directory of the cache may come to: so many files, which take so many bytes together.
#[derive(Clone, Copy)]
pub struct Limit {
    pub files: usize,
    pub bytes: u64,
}

/// Keep those files of a directory that were written last, as many as a limit allows.
pub fn prune_to_newest(directory: &Path, limit: Limit) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let status = entry.metadata().ok()?;
            let written = (status.mtime(), status.mtime_nsec());
            Some((written, status.blocks().saturating_mul(512), entry.path()))
        })
        .collect();
    files.sort();
    let mut bytes = 0u64;
    for (index, (_, size, path)) in files.into_iter().rev().enumerate() {
        bytes = bytes.saturating_add(size);
        if index >= limit.files || bytes > limit.bytes {
            drop(fs::remove_file(path));
        }
    }
}
