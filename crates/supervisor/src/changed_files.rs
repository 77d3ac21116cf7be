//! Kept files that somebody outside the recording has changed while it lasted: what their mappings showed of that is
//! not in the trace, and is said. It is found by the files' times and sizes when the recording ends. A file of another inode
//! behind the same path is another file, and one that recorded processes have written to is not looked at: they say themselves what
//! they change.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use reenact_files::identity_of;
use reenact_trace::arena::{file_state, FILE_PATH_MAX};
use reenact_trace::FileIdentity;

use crate::arena_memory::Arena;

/// One sentence for each such file.
pub fn messages(arena: &Arena) -> Vec<String> {
    // Hardly ever asked for: the table is large.
    let written = LazyCell::new(|| written_by_recorded(arena));
    let mut messages = Vec::new();
    for index in 0..arena.file_count() {
        // SAFETY: the entry lies in the mapping; nobody writes its plain fields any more.
        let entry = unsafe { &*arena.file_entry(index) };
        if entry.state.load(Ordering::Acquire) != file_state::STORED {
            continue;
        }
        let kept = entry.identity();
        let length = (entry.path_length as usize).min(FILE_PATH_MAX);
        let path = Path::new(OsStr::from_bytes(&entry.path[..length]));
        let is_changed = look(path).is_some_and(|now| is_changed(&kept, &now));
        if is_changed && !written.contains(&(kept.device, kept.inode)) {
            let message = format!(
                "{} was changed by a process that is not recorded, after it was mapped: what its mappings showed of that is not in the recording",
                path.display()
            );
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
    }
    messages
}

/// What the file is now; opening it does nothing, whatever it has become.
fn look(path: &Path) -> Option<FileIdentity> {
    let mut options = File::options();
    let file = options
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(path)
        .ok()?;
    identity_of(&file).ok()
}

fn is_changed(kept: &FileIdentity, now: &FileIdentity) -> bool {
    let is_same_file = (kept.device, kept.inode) == (now.device, now.inode);
    is_same_file && (kept.size, kept.modified_ns) != (now.size, now.modified_ns)
}

/// Devices and inodes of files that recorded processes have written to, or have mapped to write to.
fn written_by_recorded(arena: &Arena) -> HashSet<(u64, u64)> {
    /// Counted when a file takes its place in the table.
    const UNCHANGED: u32 = 1;
    let is_written = |index: &usize| {
        let file = arena.mapped_file(*index);
        file.number.load(Ordering::Acquire) != 0 || file.version.load(Ordering::Acquire) > UNCHANGED
    };
    (0..Arena::MAPPED_FILES)
        .filter(is_written)
        .map(|index| {
            let file = arena.mapped_file(index);
            let device = file.device.load(Ordering::Acquire);
            (device, file.inode.load(Ordering::Acquire))
        })
        .collect()
}
