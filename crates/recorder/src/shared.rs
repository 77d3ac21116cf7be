//! Memory that others see, or in which they are seen, and files whose copy in the trace is mapped: which of it
//! this process has. What is written to such a file by calls appears in memory without the program storing there.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reenact_freestanding::numbers::PAGE;
use reenact_trace::sharing::MAPPED_FILE_COUNT;
use reenact_trace::Tag;

use crate::guest::page_up;
use crate::log::Builder;
use crate::mapped_files::MappedFileIndex;
use crate::message;
use crate::own_mappings::{OwnMapping, Shows, Table};
use crate::range_table::Range;

static mut TABLE: Table = Table::new();
/// Pages of common mappings.
static COMMON: AtomicU64 = AtomicU64::new(0);
/// For each file, pages of mappings of its object.
static PAGES: [AtomicU64; MAPPED_FILE_COUNT] = [const { AtomicU64::new(0) }; MAPPED_FILE_COUNT];

fn table() -> &'static mut Table {
    let table = &raw mut TABLE;
    // SAFETY: one thread at a time, and no reference is kept.
    unsafe { &mut *table }
}

/// Whether a child made by `fork` would share memory with this process.
#[inline]
pub fn is_inherited() -> bool {
    COMMON.load(Ordering::Relaxed) != 0
}

/// What a range has.
pub fn overlapping(from: u64, to: u64) -> &'static [OwnMapping] {
    table().overlapping(from, to)
}

/// Everything.
pub fn all() -> &'static [OwnMapping] {
    table().all()
}

/// Length of the segment that was attached at this address; `None`: none was.
pub fn segment_at(address: u64, is_segment: impl Fn(MappedFileIndex) -> bool) -> Option<u64> {
    let mapping = overlapping(address, address + 1).first()?;
    let is_it = mapping.start == address && mapping.file.is_some_and(is_segment);
    is_it.then(|| mapping.end - mapping.start)
}

/// Whether others have written to shared memory although this process has not yielded.
static IS_OVERTAKEN: AtomicBool = AtomicBool::new(false);

/// Say whether what shared memory holds now is what this process has left there: it is not when
/// others had turns while it was stopped.
pub fn set_overtaken(is_overtaken: bool) {
    IS_OVERTAKEN.store(is_overtaken, Ordering::Relaxed);
}

/// Whether a range is a part of memory mapped shared that can be read without effect and holds what
/// this process has left there.
pub fn is_known(from: u64, to: u64) -> bool {
    !IS_OVERTAKEN.load(Ordering::Relaxed)
        && overlapping(from, to)
            .iter()
            .any(|mapping| mapping.is_common() && mapping.is_shared)
}

/// Attach what all shared mappings hold now.
pub fn attach_content(event: &mut Builder) {
    /// Most bytes of one mapping.
    const MOST: u64 = 64 << 20;
    for mapping in all() {
        if mapping.is_common() && mapping.is_shared {
            let length = mapping.end - mapping.start;
            event.guest_memory(mapping.start, length.min(MOST));
        }
    }
}

/// A mapping, or a part of one, has come or gone.
fn count(mapping: &OwnMapping, is_new: bool) -> Option<[u64; 2]> {
    let pages = (mapping.end - mapping.start) / PAGE;
    if !mapping.is_common() {
        return None;
    }
    let add = |count: u64| {
        if is_new {
            count.saturating_add(pages)
        } else {
            count.saturating_sub(pages)
        }
    };
    COMMON.store(add(COMMON.load(Ordering::Relaxed)), Ordering::Relaxed);
    let file = mapping.file?;
    let own = &PAGES[file.index()];
    let before = own.load(Ordering::Relaxed);
    let now = add(before);
    own.store(now, Ordering::Relaxed);
    if before == 0 && now != 0 {
        file.enter();
    }
    if is_new {
        file.show(
            mapping.offset,
            mapping.offset + (mapping.end - mapping.start),
        );
    }
    (before != 0 && now == 0).then(|| file.leave()).flatten()
}

/// A range has been mapped, where nothing (that is known here) was.
pub fn add(mapping: OwnMapping) {
    let mapping = OwnMapping {
        end: mapping.start + page_up(mapping.end - mapping.start),
        ..mapping
    };
    if mapping.start == mapping.end {
        return;
    }
    if table().add(mapping) {
        count(&mapping, true);
    } else {
        message::once(
            "more mappings of files at once than are known: changes of these are not covered",
        );
    }
}

/// Memory was mapped shared that has no file.
pub fn add_anonymous(address: u64, length: u64) {
    add(OwnMapping {
        start: address,
        end: address + length,
        offset: 0,
        file: None,
        shows: Shows::Anonymous,
        is_shared: true,
        is_code: false,
    });
}

/// The range is no longer what it was.
pub fn forget(event: &mut Builder, address: u64, length: u64) {
    let to = address.saturating_add(page_up(length));
    table().remove(address, to, |part| {
        let (Some([from, to]), Shows::Object(number)) = (count(part, false), part.shows) else {
            return;
        };
        // Nobody can see it any more: whoever maps the file again is told what it has.
        if from < to {
            zeros(event, number, from, to - from);
        }
    });
}

/// Attach that a part of an object is zeros.
pub fn zeros(event: &mut Builder, number: u32, offset: u64, length: u64) {
    let words = [u64::from(number), length];
    // SAFETY: plain words as bytes.
    let bytes = unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), 16) };
    event.bytes(Tag::ObjectZero, offset, bytes);
}

/// A mapping was moved or got another length; `keeps`: it also stays where it was.
/// What the part that was added to its end shows, if that is an object.
pub fn follow(
    event: &mut Builder,
    [old, old_length]: [u64; 2],
    [new, new_length]: [u64; 2],
    keeps: bool,
) -> Option<OwnMapping> {
    let (old_length, new_length) = (page_up(old_length), page_up(new_length));
    // Without a length, it is mapped once more.
    let (keeps, moved) = match old_length {
        0 => (true, new_length),
        _ => (keeps, old_length.min(new_length)),
    };
    let is_moved = new != old;
    if is_moved {
        forget(event, new, new_length);
    }
    let mut last = None;
    let mut at = old;
    let end = old + if old_length == 0 { 1 } else { moved };
    while at < end {
        // The lowest one behind those that are done.
        let Some(&mapping) = overlapping(at, end).last() else {
            break;
        };
        let part = mapping.part(at, end.max(old + moved));
        at = part.end;
        last = Some(part);
        if is_moved && old_length != 0 {
            add(OwnMapping {
                start: new + (part.start - old),
                end: new + (part.end - old),
                ..part
            });
        }
    }
    if is_moved && !keeps {
        forget(event, old, old_length);
    } else if new_length < old_length && !keeps {
        forget(event, old + new_length, old_length - new_length);
    }
    let last = last?;
    let (start, offset) = if old_length == 0 {
        (new, last.offset)
    } else if last.end == old + old_length {
        (new + old_length, last.offset + (last.end - last.start))
    } else {
        return None;
    };
    let grown = OwnMapping {
        start,
        end: new + new_length,
        offset,
        ..last
    };
    if grown.start >= grown.end {
        return None;
    }
    add(grown);
    matches!(grown.shows, Shows::Object(_)).then_some(grown)
}

/// In the child of a fork, which has its parent's mappings.
pub fn after_fork() {
    for_each_file(MappedFileIndex::enter);
}

/// The process is about to have no mappings any more: it ends, or executes another image.
pub fn leave_all() {
    for_each_file(|file| {
        file.leave();
    });
}

/// An `execve` has failed after [`leave_all`].
pub fn enter_all() {
    for_each_file(MappedFileIndex::enter);
}

/// Each file whose object is mapped, once.
fn for_each_file(act: impl Fn(MappedFileIndex)) {
    if !is_inherited() {
        return;
    }
    let objects = || {
        all()
            .iter()
            .filter(|mapping| mapping.is_common())
            .filter_map(|mapping| mapping.file)
    };
    const DONE: u64 = 1 << 63;
    for file in objects() {
        if PAGES[file.index()].fetch_or(DONE, Ordering::Relaxed) & DONE == 0 {
            act(file);
        }
    }
    for file in objects() {
        PAGES[file.index()].fetch_and(!DONE, Ordering::Relaxed);
    }
}
