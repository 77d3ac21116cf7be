//! Logs what a file that is mapped holds after a change.

use core::sync::atomic::Ordering;

use reenact_trace::Tag;

use crate::call::Call;
use crate::file_source::Source;
use crate::guest::{page_up, GuestMemory};
use crate::log::Builder;
use crate::mapped_files::MappedFileIndex;
use crate::own_mappings::{OwnMapping, Shows};
use crate::{arena, message, object_content, shared};

/// The part of a range that mappings have shown.
fn shown(file: MappedFileIndex, from: u64, to: u64) -> (u64, u64) {
    let [first, last] = file.shown();
    (from.max(first), to.min(last))
}

/// Log bytes of the file; false when they cannot be read.
pub fn bytes(
    event: &mut Builder,
    file: MappedFileIndex,
    from: u64,
    to: u64,
    source: &Source,
) -> bool {
    let (first, last) = shown(file, from, to);
    show_in_code(event, file, from, to);
    object_content::attach_bytes(event, file.number(), source, first, last)
}

/// The descriptor is for writing only: log what the call has given to it, or what a mapping shows.
pub fn bytes_given(call: &mut Call<'_>, file: MappedFileIndex, from: u64, to: u64) {
    let content = reenact_syscalls::lookup(call.number).map(|entry| entry.content);
    let number = file.number();
    let mut at = from;
    if let Some(content) = content {
        let event = &mut call.event;
        content.ranges(&call.args, to - from, &GuestMemory, |address, length| {
            object_content::attach_memory(event, number, at, address, length);
            at += length;
        });
    }
    if at != from {
        return;
    }
    let is_view = |mapping: &&OwnMapping| {
        let [start, end] = mapping.shown(from, to);
        mapping.file == Some(file) && mapping.is_shared && end - start == to - from
    };
    match shared::all().iter().find(is_view) {
        Some(mapping) => {
            let [start, end] = mapping.shown(from, to);
            object_content::attach_memory(&mut call.event, number, from, start, end - start);
        }
        None => message::once(
            "a mapped file was changed by a descriptor that cannot read it: what mappings show of that is not \
             recorded",
        ),
    }
}

/// Log what a range of the file holds, holes among it.
pub fn range(event: &mut Builder, file: MappedFileIndex, from: u64, to: u64, source: &Source) {
    let (first, last) = shown(file, from, to);
    if first < last {
        object_content::attach_range(event, file.number(), source, first, last);
    }
    show_in_code(event, file, from, to);
}

/// The file has become longer, up to `end` at least: what was behind its end in the same page is seen, and zeros.
pub fn grown(event: &mut Builder, file: MappedFileIndex, old: u64, end: u64, source: &Source) {
    if end > old {
        range(event, file, old, end, source);
    }
}

/// The file has another length.
pub fn resized(
    event: &mut Builder,
    file: MappedFileIndex,
    old: u64,
    new: u64,
    source: Option<&Source>,
) {
    let (first, last) = if new < old {
        shown(file, new, u64::MAX)
    } else {
        shown(file, old, new)
    };
    if first < last {
        shared::zeros(event, file.number(), first, last - first);
    }
    if new < old {
        drop_pages(event, file, page_up(new));
    } else if let Some(source) = source {
        // In old kernels not zeros, if something was stored there.
        let (first, last) = shown(file, old, new.min(page_up(old)));
        object_content::attach_bytes(event, file.number(), source, first, last);
    }
}

/// A file has become so short: private pages of its mappings behind that are gone, too.
fn drop_pages(event: &mut Builder, file: MappedFileIndex, size: u64) {
    let truncations = &arena::header().truncations;
    truncations.fetch_add(1, Ordering::AcqRel);
    for mapping in shared::all() {
        let [start, end] = mapping.shown(size, u64::MAX);
        let is_private = !mapping.is_shared && mapping.shows != Shows::Kept;
        if mapping.file == Some(file) && is_private && start < end {
            let length = end - start;
            event.bytes(Tag::Discard, start, &length.to_le_bytes());
        }
    }
}

/// Code of the kept copy is not converted: what has changed there is written into it.
fn show_in_code(event: &mut Builder, file: MappedFileIndex, from: u64, to: u64) {
    for mapping in shared::all() {
        if mapping.file == Some(file) && mapping.shows == Shows::Kept {
            let [start, end] = mapping.shown(from, to);
            event.guest_memory(start, end - start);
        }
    }
}
