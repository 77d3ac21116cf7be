//! Mappings of a file's kept copy, when the file becomes an object: somebody is about to change it, or has. From
//! then on they are mappings of the object, which shows the changes; pages of their own they keep.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::{FileId, MapRecord, Tag};

use crate::file_source::Source;
use crate::log::Builder;
use crate::mapped_files::MappedFileIndex;
use crate::object_content;
use crate::own_mappings::{OwnMapping, Shows};
use crate::range_table::Range;
use crate::{address_space, arena, shared};

/// How many of the files that have become objects this process has looked at.
static SEEN: AtomicU32 = AtomicU32::new(0);
/// How many times objects had become shorter.
static TRUNCATIONS: AtomicU32 = AtomicU32::new(0);

/// Others may have changed files since this process's last turn: convert what it has mapped of their kept copies.
#[inline]
pub fn catch_up(event: &mut Builder) {
    let converted = arena::header().converted_files.load(Ordering::Acquire);
    if SEEN.swap(converted, Ordering::Relaxed) != converted {
        convert_all(event, &|file| file.number() != 0, None);
    }
    let truncations = arena::header().truncations.load(Ordering::Acquire);
    if TRUNCATIONS.swap(truncations, Ordering::Relaxed) != truncations {
        drop_lost_pages(event);
    }
}

/// Others have made files shorter: private pages behind their ends are gone. The kernel knows which are left.
#[cold]
#[inline(never)]
fn drop_lost_pages(event: &mut Builder) {
    let is_private_view = |mapping: &&OwnMapping| mapping.is_common() && !mapping.is_shared;
    for mapping in shared::all().iter().filter(is_private_view) {
        for_runs(mapping, |run, is_own| {
            if !is_own {
                let length = run.end - run.start;
                event.bytes(Tag::Discard, run.start, &length.to_le_bytes());
            }
        });
    }
}

/// Convert what this process has mapped of the kept copy of a file that has become an object, which `source` reads,
/// if there is one.
pub fn convert(event: &mut Builder, file: MappedFileIndex, source: Option<&Source>) {
    convert_all(event, &|other| other == file, source);
}

/// Whether a mapping can be converted. What is patched in code the object would not have.
pub fn is_convertible(mapping: &OwnMapping) -> bool {
    mapping.shows == Shows::Kept && !mapping.is_code
}

#[cold]
#[inline(never)]
fn convert_all(
    event: &mut Builder,
    is_wanted: &dyn Fn(MappedFileIndex) -> bool,
    source: Option<&Source>,
) {
    let next = || {
        let is_next =
            |mapping: &&OwnMapping| is_convertible(mapping) && mapping.file.is_some_and(is_wanted);
        shared::all().iter().find(is_next).copied()
    };
    while let Some(mapping) = next() {
        let Some(file) = mapping.file else { break };
        let end = mapping.offset + (mapping.end - mapping.start);
        let Some(number) = file.make_object(end) else {
            break;
        };
        shared::forget(event, mapping.start, mapping.end - mapping.start);
        shared::add(OwnMapping {
            shows: Shows::Object(number),
            ..mapping
        });
        map_again(event, &mapping, number, source);
    }
}

/// Log that a mapping is one of an object, and what that object and its own pages hold.
fn map_again(event: &mut Builder, mapping: &OwnMapping, number: u32, source: Option<&Source>) {
    for_parts(mapping, |part, protection| {
        let record = MapRecord {
            length: part.end - part.start,
            protection,
            flags: if part.is_shared {
                MAP_SHARED
            } else {
                MAP_PRIVATE
            } as u32,
            file: FileId::NONE.0,
            object: number,
            offset: part.offset,
            ..MapRecord::default()
        };
        // It is not a new one to the program.
        event.bytes(Tag::Map, part.start, record.as_bytes());
    });
    let end = mapping.offset + (mapping.end - mapping.start);
    let is_read = source.is_some_and(|source| {
        object_content::attach_range(event, number, source, mapping.offset, end)
    });
    for_runs(mapping, |run, is_own| {
        if is_own {
            event.guest_memory(run.start, run.end - run.start);
        } else if !is_read {
            object_content::attach_shown(event, number, run);
        }
    });
}

/// Log what has been added to the end of a mapping, which can be opened for a moment where the program cannot read it.
pub fn attach_grown(event: &mut Builder, number: u32, grown: &OwnMapping) {
    let mut closed = None;
    for_parts(grown, |part, protection| {
        closed = (u64::from(protection) & PROT_READ == 0).then_some((part, protection));
    });
    let protect = |part: &OwnMapping, protection: u64| {
        // SAFETY: memory of the program, which is as it was in the end; none of it runs meanwhile.
        unsafe { syscall3(MPROTECT, part.start, part.end - part.start, protection) }
    };
    if let Some((part, _)) = &closed {
        protect(part, PROT_READ);
    }
    object_content::attach_shown(event, number, grown);
    if let Some((part, protection)) = closed {
        protect(&part, protection.into());
    }
}

/// Each part of a mapping with its protection.
fn for_parts(mapping: &OwnMapping, mut act: impl FnMut(OwnMapping, u32)) {
    address_space::for_areas(mapping.start, mapping.end, |area| {
        act(mapping.part(area.start, area.end), area.protection);
    });
}

/// Each run of pages of a mapping, and whether they are its own: copied when they were written to.
fn for_runs(mapping: &OwnMapping, mut act: impl FnMut(&OwnMapping, bool)) {
    /// In an entry of `/proc/self/pagemap` (Documentation/admin-guide/mm/pagemap.rst).
    const PRESENT: u64 = 1 << 63;
    const SWAPPED: u64 = 1 << 62;
    const OF_FILE: u64 = 1 << 61;
    const ENTRIES: usize = 256;
    let pages = open(c"/proc/self/pagemap");
    if pages < 0 {
        // Nobody says what they are: what the program could write to shows for good what it shows now.
        return address_space::for_areas(mapping.start, mapping.end, |area| {
            let part = mapping.part(area.start, area.end);
            act(&part, area.can_have_own_pages());
        });
    }
    let mut at = mapping.start;
    let mut run: Option<(u64, bool)> = None;
    while at < mapping.end {
        let wanted = ((mapping.end - at) / PAGE).min(ENTRIES as u64) as usize;
        let mut entries = [0; ENTRIES];
        let to = entries.as_mut_ptr() as u64;
        // SAFETY: a buffer of ours with room for the entries.
        unsafe { syscall4(PREAD64, pages as u64, to, 8 * wanted as u64, at / PAGE * 8) };
        for entry in &entries[..wanted.max(1)] {
            let is_own = entry & (PRESENT | SWAPPED) != 0 && entry & OF_FILE == 0;
            match run {
                Some((_, of_run)) if of_run == is_own => {}
                Some((start, of_run)) => {
                    act(&mapping.part(start, at), of_run);
                    run = Some((at, is_own));
                }
                None => run = Some((at, is_own)),
            }
            at += PAGE;
        }
    }
    if let Some((start, of_run)) = run {
        act(&mapping.part(start, mapping.end), of_run);
    }
    close(pages);
}

fn open(name: &core::ffi::CStr) -> i64 {
    let flags = O_RDONLY | O_CLOEXEC;
    // SAFETY: a name of ours.
    unsafe { syscall4(OPENAT, AT_FDCWD as u64, name.as_ptr() as u64, flags, 0) }
}

fn close(descriptor: i64) {
    if descriptor >= 0 {
        // SAFETY: our descriptor.
        unsafe { syscall2(CLOSE, descriptor as u64, 0) };
    }
}
