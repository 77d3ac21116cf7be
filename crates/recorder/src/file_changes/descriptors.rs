//! Which descriptors are of files that somebody has mapped, as far as it is remembered.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::call::Call;
use crate::files;
use crate::mapped_files::{self, MappedFileIndex};
use crate::{arena, streams};

/// Descriptors of which is remembered whether their file is mapped.
const REMEMBERED: usize = 1024;
/// For each of them 1 more than the files there were in the table when it was asked, and the file's word.
static FILES: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];
/// How often the kept copy had been mapped when nobody had it mapped any more.
static UNMAPPED_AT: [AtomicU32; REMEMBERED] = [const { AtomicU32::new(0) }; REMEMBERED];

/// A descriptor is another one from now on, or none.
#[inline]
pub fn forget_descriptor(descriptor: u32) {
    if let Some(known) = FILES.get(descriptor as usize) {
        if known.load(Ordering::Relaxed) != 0 {
            known.store(0, Ordering::Relaxed);
        }
    }
}

/// The entry of the file behind a descriptor, if it has one.
#[inline]
pub fn file_of(call: &Call<'_>, descriptor: u64) -> Option<MappedFileIndex> {
    let generation = u64::from(arena::header().mapped_files.load(Ordering::Acquire)) + 1;
    let known = FILES.get(descriptor as u32 as usize);
    if let Some(known) = known {
        let known = known.load(Ordering::Relaxed);
        if known >> 32 == generation && !streams::may_differ() {
            return MappedFileIndex::from_word(known as u32);
        }
    }
    look_for(call, descriptor as i32, generation)
}

#[cold]
#[inline(never)]
fn look_for(call: &Call<'_>, descriptor: i32, generation: u64) -> Option<MappedFileIndex> {
    let status = files::status(descriptor)?;
    let found = if status.is_regular {
        mapped_files::find(&status)
    } else {
        None
    };
    // A child of vfork has descriptors of its own, and its parent's memory.
    if !call.thread.vfork_child && !arena::shares_descriptors() {
        if let Some(known) = FILES.get(descriptor as usize) {
            let word = found.map_or(0, MappedFileIndex::word);
            known.store(generation << 32 | u64::from(word), Ordering::Relaxed);
            UNMAPPED_AT[descriptor as usize].store(0, Ordering::Relaxed);
        }
    }
    found
}

/// Whether nobody had the kept copy of a descriptor's file mapped any more, when it had been mapped so often.
pub fn is_unmapped(descriptor: i32, kept: u32) -> bool {
    let remembered = UNMAPPED_AT.get(descriptor as usize);
    remembered.is_some_and(|at| at.load(Ordering::Relaxed) == kept)
}

/// Nobody has the kept copy mapped any more, which has been mapped so often.
pub fn remember_unmapped(descriptor: i32, kept: u32) {
    if let Some(remembered) = UNMAPPED_AT.get(descriptor as usize) {
        remembered.store(kept, Ordering::Relaxed);
    }
}
