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

/// Keep the `most` files of a directory that were written last.
pub fn prune_to_newest(directory: &Path, most: usize) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let status = entry.metadata().ok()?;
            Some((status.mtime(), status.mtime_nsec(), entry.path()))
        })
        .collect();
    if files.len() <= most {
        return;
    }
    files.sort();
    let surplus = files.len() - most;
    for (_, _, path) in &files[..surplus] {
        drop(fs::remove_file(path));
    }
}
