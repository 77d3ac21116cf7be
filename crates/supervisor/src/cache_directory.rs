//! Where what recordings can use again is kept, under the user's cache directory.

use std::env;
use std::fs;
use std::path::PathBuf;

/// `$XDG_CACHE_HOME/reenact/<part>`, or below `~/.cache`, made if need be; `None` where there is no
/// such place.
pub fn part(part: &str) -> Option<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let directory = base.join("reenact").join(part);
    fs::create_dir_all(&directory).ok()?;
    Some(directory)
}
