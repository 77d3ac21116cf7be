//! The files kept in a trace, with the content they had when they were recorded.
//!
//! Design constraints:
//! * A changed file is never taken for the recorded one: its checksum is compared before its first use.
//! * That is cheap: what was found right before is known by its identity and not read again, in this
//!   process, or for large files by the user's cache.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use reenact_files::{
    cache_part, identity_of, prune_to_newest, replace_private, Limit, Problem, TraceFiles,
};
use reenact_trace::checksum::Checksum;
use reenact_trace::FileIdentity;

use crate::error::StoreError;
use crate::files::{self, StoredFile};

/// Most bytes of `files.jsonl`.
const MOST_TEXT: u64 = 32 << 20;
/// Files from this size on are remembered in the cache; smaller ones are read in a few milliseconds, and
/// shared ones get a new identity whenever a recording takes one more link of them.
const REMEMBERED_FROM: u64 = 16 << 20;
/// What is remembered there, or a little more: it is counted once in so many times.
const LIMIT: Limit = Limit {
    files: 1024,
    bytes: 16 << 20,
};
const COUNTED_EVERY: u64 = 64;
/// A file that has changed less than this ago may change again without its times telling.
const SETTLED_NS: u64 = 2_000_000_000;
/// Beyond this size a file must not be made of holes: to read it would take for ever.
const MOST_HOLES: u64 = 16 << 30;
const PIECE: usize = 256 << 10;

/// The identity of a file, and the checksum that its content was found to have.
type Known = ([u64; 5], u64);

/// What was found in this process.
static RIGHT: Mutex<Option<HashSet<Known>>> = Mutex::new(None);

/// The files kept in a trace, by number.
pub fn list(files: &TraceFiles) -> Vec<StoredFile> {
    let text = files.read("files.jsonl", MOST_TEXT).unwrap_or_default();
    files::parse(&String::from_utf8_lossy(&text))
}

/// Compare them with what was recorded: all, or those of some numbers.
///
/// # Errors
/// [`StoreError::ChangedFile`] for the first that is not as it was; what opening one fails with.
pub fn check(files: &TraceFiles, numbers: Option<&BTreeSet<u32>>) -> Result<(), StoreError> {
    for stored in list(files) {
        let is_wanted = numbers.is_none_or(|numbers| numbers.contains(&stored.id));
        if is_wanted && stored.checksum.is_some() {
            open(files, &stored)?;
        }
    }
    Ok(())
}

/// Open a kept file, which is as it was recorded.
///
/// # Errors
/// As [`check`].
pub fn open(files: &TraceFiles, stored: &StoredFile) -> Result<File, StoreError> {
    let changed = |how| StoreError::ChangedFile {
        name: format!("files/{}", stored.id),
        original: stored.path.clone(),
        how,
    };
    let file = files
        .regular(&format!("files/{}", stored.id), i64::MAX as u64)
        .map_err(|error| match error.problem {
            Problem::Missing => changed("is missing"),
            _ => StoreError::Refused(error),
        })?;
    let Some(wanted) = stored.checksum.as_deref() else {
        return Ok(file); // The recording was cut before it was read.
    };
    let Ok(wanted) = u64::from_str_radix(wanted, 16) else {
        return Err(changed("has a damaged checksum"));
    };
    let unreadable = |error| StoreError::Unreadable {
        path: files.path().join(format!("files/{}", stored.id)),
        error,
    };
    let identity = identity_of(&file).map_err(unreadable)?;
    if identity.size != stored.size {
        return Err(changed("was changed"));
    }
    if !is_known(&identity, wanted) {
        if checksum_of(&file, identity.size).map_err(unreadable)? != wanted {
            return Err(changed("was changed"));
        }
        remember(&identity, wanted);
    }
    Ok(file)
}

fn is_known(identity: &FileIdentity, checksum: u64) -> bool {
    let key = (identity.words(), checksum);
    let in_process = RIGHT.lock().is_ok_and(|right| {
        let right = right.as_ref();
        right.is_some_and(|right| right.contains(&key))
    });
    in_process
        || identity.size >= REMEMBERED_FROM
            && place(identity)
                .and_then(|place| std::fs::read_to_string(place).ok())
                .is_some_and(|text| text == remembered(checksum))
}

fn remember(identity: &FileIdentity, checksum: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos() as u64);
    if !identity.is_older_than(now.saturating_sub(SETTLED_NS)) {
        return;
    }
    if let Ok(mut right) = RIGHT.lock() {
        let key = (identity.words(), checksum);
        right.get_or_insert_with(HashSet::new).insert(key);
    }
    if identity.size < REMEMBERED_FROM {
        return;
    }
    if let Some(place) = place(identity) {
        // Where that is not possible, it is read again.
        drop(replace_private(&place, remembered(checksum).as_bytes()));
        let is_counted = identity.hash().is_multiple_of(COUNTED_EVERY);
        if let Some(directory) = place.parent().filter(|_| is_counted) {
            prune_to_newest(directory, LIMIT);
        }
    }
}

fn remembered(checksum: u64) -> String {
    format!("{checksum:016x}\n")
}

fn place(identity: &FileIdentity) -> Option<PathBuf> {
    let name = identity.cache_name();
    Some(cache_part("right")?.join(std::str::from_utf8(&name).ok()?))
}

fn checksum_of(file: &File, size: u64) -> io::Result<u64> {
    if size > MOST_HOLES && file.metadata()?.blocks().saturating_mul(512) < size / 2 {
        return Err(io::Error::other("it is made of holes"));
    }
    let mut state = Checksum::default();
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    while offset < size {
        match file.read_at(&mut buffer, offset)? {
            0 => break,
            count => {
                state.add(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
    Ok(state.finish())
}
