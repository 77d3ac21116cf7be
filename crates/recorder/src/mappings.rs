//! System calls that change the address space: performed by the kernel, logged with what a
//! replay needs to make the same mapping.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall6};
use reenact_syscalls::{advice_effect, AdviceEffect, MemoryAction};
use reenact_trace::layout::{is_reserved, overlaps_region};
use reenact_trace::snapshot::mapping;
use reenact_trace::{FileId, MapRecord, Tag};

use crate::call::{Call, Outcome};
use crate::guest::{page_up, ADDRESS_END};
use crate::log::Builder;
use crate::own_mappings::{OwnMapping, Shows};
use crate::range_table::Range;
use crate::{
    address_space, around_region, code_ranges, conversion, file_source, files, guest, half_done,
    heap, hidden_descriptors, implied_execution, limits, log, mapped_files, object_content, patch,
    shared, sharing_group, signal, sites, system_v, unknown_code,
};

/// Perform a call of class Memory. `None`: an ordinary call after all.
#[inline(never)]
pub fn perform(call: &mut Call<'_>, action: MemoryAction) -> Option<Outcome> {
    let [address, length, third, fourth, ..] = call.args;
    let is_ours = || around_region::is_touched(address, length);
    match action {
        MemoryAction::Map => Some(mmap(call)),
        MemoryAction::Break if !limits::allow_break(address) => {
            Some(Outcome::Done(heap::end() as i64))
        }
        MemoryAction::Break => {
            implied_execution::with_implied(call, PROT_READ);
            Some(Outcome::Done(heap::set_end(address)))
        }
        MemoryAction::AttachSegment => Some(system_v::attach(call)),
        MemoryAction::DetachSegment => Some(system_v::detach(call)),
        MemoryAction::Unmap if is_ours() => Some(Outcome::Done(unmap_around(call))),
        MemoryAction::Unmap => Some(unmap(call)),
        MemoryAction::Protect if is_ours() => Some(protect_around(call)),
        MemoryAction::Protect => Some(protect(call)),
        MemoryAction::Remap if is_ours() => {
            Some(Outcome::Done(around_region::answer_for_hole(call)))
        }
        MemoryAction::Remap => Some(remap(call)),
        MemoryAction::Advise if is_ours() => Some(advise_around(call, third)),
        MemoryAction::Advise => Some(advise(call, third)),
        MemoryAction::AdviseVector => match advice_effect(fourth) {
            AdviceEffect::DiscardBy(other) => {
                call.substitute = Some((3, other));
                None
            }
            _ => None,
        },
        MemoryAction::Look(hole) if is_ours() => {
            Some(Outcome::Done(around_region::look(call, hole)))
        }
        MemoryAction::Look(_) => None,
    }
}

/// As the program asked for it; the range is not ours.
fn as_asked(call: &Call<'_>) -> i64 {
    let [a, b, c, d, e, f] = call.args;
    // SAFETY: the program asked for it and the range is not ours.
    unsafe { syscall6(call.number, a, b, c, d, e, f) }
}

/// The parts of a call's range around the region, each in its arguments while `make` makes it.
fn for_parts(
    call: &mut Call<'_>,
    parts: [Option<[u64; 2]>; 2],
    mut make: impl FnMut(&mut Call<'_>) -> Outcome,
) -> i64 {
    let args = call.args;
    let mut result = 0;
    for [address, length] in parts.into_iter().flatten() {
        (call.args[0], call.args[1]) = (address, length);
        let Outcome::Done(part) = make(call) else {
            break;
        };
        // Holes are told at the end, as all those that the range has.
        if part < 0 && part != -ENOMEM {
            result = part;
            break;
        }
    }
    call.args = args;
    result
}

fn unmap_around(call: &mut Call<'_>) -> i64 {
    let [address, length, ..] = call.args;
    match around_region::check_unmap(address, length) {
        0 => for_parts(call, around_region::parts(address, length), |call| {
            unmap(call)
        }),
        error => error,
    }
}

fn protect_around(call: &mut Call<'_>) -> Outcome {
    let [address, length, ..] = call.args;
    let [before, _] = around_region::parts(address, length);
    let mut outcome = 0;
    let result = for_parts(call, [before, None], |call| {
        let done = protect(call);
        if let (Outcome::Done(0), [address, length, ..]) = (&done, call.args) {
            call.event.bytes(Tag::Done, address, &length.to_le_bytes());
        } else if let Outcome::Done(error) = &done {
            outcome = *error;
        }
        done
    });
    Outcome::Done(match result.min(outcome) {
        0 => around_region::answer_for_hole(call),
        error => error,
    })
}

fn advise_around(call: &mut Call<'_>, advice: u64) -> Outcome {
    let [address, length, ..] = call.args;
    let parts = around_region::parts(address, length);
    let result = for_parts(call, parts, |call| advise(call, advice));
    Outcome::Done(match result {
        0 => around_region::answer_for_hole(call),
        error => error,
    })
}

fn unmap(call: &mut Call<'_>) -> Outcome {
    let [address, length, ..] = call.args;
    let result = as_asked(call);
    if result >= 0 {
        address_space::unmap(address, length);
        shared::forget(&mut call.event, address, length);
        patch::forget(address, length);
    }
    Outcome::Done(result)
}

fn protect(call: &mut Call<'_>) -> Outcome {
    let [address, length, protection, ..] = call.args;
    let is_possible = protection & PROT_WRITE != 0 && address.is_multiple_of(PAGE);
    let limit = is_possible
        .then(|| limits::first_beyond(address, page_up(length)))
        .flatten();
    let before = limit.map(|limit| limit.saturating_sub(address));
    let result = match before {
        None => as_asked(call),
        Some(0) => -ENOMEM,
        Some(before) => {
            call.args[1] = before;
            let result = as_asked(call);
            call.args[1] = length;
            if result < 0 {
                result
            } else {
                -ENOMEM
            }
        }
    };
    let length = match result {
        0.. => length,
        _ if before == Some(0) => 0,
        _ if result == -ENOMEM && before.is_some_and(|part| guest::is_mapped(address, part)) => {
            let part = before.unwrap_or(0);
            call.event.bytes(Tag::Done, address, &part.to_le_bytes());
            part
        }
        // Up to the first mapping that a limit forbids to change so, if there are no holes.
        _ if result == -ENOMEM && guest::is_mapped(address, length) => protected_before_limit(call),
        // Up to the first hole, or to the first mapping that may not be changed so.
        _ if result == -ENOMEM => half_done::log_part(&mut call.event, address, length, |part| {
            guest::is_mapped(address, part)
        }),
        _ if result == -EACCES => half_done::log_part(&mut call.event, address, length, |part| {
            let [_, _, _, fourth, fifth, sixth] = call.args;
            // SAFETY: a part of what the program has asked for.
            let again =
                unsafe { syscall6(call.number, address, part, protection, fourth, fifth, sixth) };
            again == 0
        }),
        _ => 0,
    };
    if length > 0 {
        let protection = implied_execution::with_implied(call, protection);
        address_space::protect(address, length, protection);
        signal::dirty::join_neighbours(address, length);
        if protection & PROT_WRITE != 0 {
            code_ranges::remove(address, length);
        }
        if protection & PROT_EXEC != 0 {
            unknown_code::is_made(call.thread, &mut call.event);
        }
    }
    Outcome::Done(result)
}

/// A limit of memory has kept the kernel from changing all of a range: log how much it has changed. What is done
/// it does again, and what failed fails again.
fn protected_before_limit(call: &mut Call<'_>) -> u64 {
    let [address, length, c, d, e, f] = call.args;
    let end = address.saturating_add(page_up(length));
    let mut done = address;
    address_space::for_areas(address, end, |area| {
        let (from, to) = (area.start.max(address), area.end.min(end));
        // SAFETY: a part of what the program has asked for.
        let again = || unsafe { syscall6(call.number, from, to - from, c, d, e, f) };
        if from == done && again() == 0 {
            done = to;
        }
    });
    let length = done - address;
    if length > 0 {
        call.event.bytes(Tag::Done, address, &length.to_le_bytes());
    }
    length
}

fn remap(call: &mut Call<'_>) -> Outcome {
    let [address, length, new_length, flags, new_at, _] = call.args;
    let length = page_up(length);
    let is_address =
        new_at < ADDRESS_END && (1..=ADDRESS_END - new_at).contains(&page_up(new_length));
    if flags & MREMAP_FIXED != 0 && is_address && overlaps_region(new_at, new_length) {
        return Outcome::Done(-ENOMEM);
    }
    let more = page_up(new_length).saturating_sub(length);
    let is_data = address_space::is_data(address);
    if more > 0 && new_length < i64::MAX as u64 && !limits::allow(more, is_data, [0, 0]) {
        return Outcome::Done(-ENOMEM);
    }
    // It takes one mapping only, and neighbours are one if they are alike.
    signal::dirty::release(address, length);
    let mut result = as_asked(call);
    if result > 0 && overlaps_region(result as u64, new_length) {
        // The kernel has found no other place for it: now there is none here, either.
        around_region::occupy();
        let (at, how) = (result as u64, MREMAP_MAYMOVE);
        // SAFETY: what has just been moved to where only we are.
        result = unsafe { syscall6(MREMAP, at, new_length, new_length, how, 0, 0) };
    }
    if result >= 0 {
        code_ranges::remove(address, length);
        let keeps = flags & MREMAP_DONTUNMAP != 0;
        let (old, new) = ([address, length], [result as u64, new_length]);
        address_space::remap(old, new, keeps);
        if let Some(grown) = shared::follow(&mut call.event, old, new, keeps) {
            if let Shows::Object(number) = grown.shows {
                conversion::attach_grown(&mut call.event, number, &grown);
            }
        }
    } else if flags & MREMAP_FIXED != 0 && new_at.is_multiple_of(PAGE) {
        half_done::log_lost(&mut call.event, new_at, new_length);
    }
    Outcome::Done(result)
}

fn advise(call: &mut Call<'_>, advice: u64) -> Outcome {
    let [address, length, ..] = call.args;
    let effect = advice_effect(advice);
    if matches!(effect, AdviceEffect::DiscardBy(_)) && address.is_multiple_of(PAGE) {
        let end = address.saturating_add(page_up(length));
        if let Some(other) = address_space::first_not_anonymous(address, end) {
            return Outcome::Done(advise_before(call, effect, other.max(address)));
        }
    }
    let advice = match effect {
        AdviceEffect::DiscardBy(other) => other,
        _ => advice,
    };
    // SAFETY: the program asked for it and the range is not ours.
    let advise = |length| unsafe { syscall3(MADVISE, address, length, advice) };
    let result = advise(length);
    let is_taken = |result| result == 0 || result == -ENOMEM;
    let length = if is_taken(result) {
        // Holes in the range make it fail when the rest has been advised.
        length
    } else if effect == AdviceEffect::None {
        0
    } else {
        half_done::log_part(&mut call.event, address, length, |part| {
            is_taken(advise(part))
        })
    };
    match effect {
        AdviceEffect::LeftOutAtFork(is_set) => {
            address_space::advise_fork(address, length, mapping::LEFT_OUT, is_set);
        }
        AdviceEffect::WipedAtFork(is_set) => {
            address_space::advise_fork(address, length, mapping::WIPED, is_set);
        }
        _ => {}
    }
    if effect == AdviceEffect::PunchHole && length != 0 {
        log_hole(&mut call.event, address, page_up(length));
    }
    Outcome::Done(result)
}

/// Pages that the kernel may drop at any later moment are private ones without a file: it refuses the range at the first other
/// mapping (mm/madvise.c: madvise_free_single_vma), which what we do in its place does not.
fn advise_before(call: &mut Call<'_>, effect: AdviceEffect, other: u64) -> i64 {
    let [address, ..] = call.args;
    let AdviceEffect::DiscardBy(advice) = effect else {
        return -EINVAL;
    };
    let length = other - address;
    if length > 0 {
        // SAFETY: what the program has asked for, of a part.
        let result = unsafe { syscall3(MADVISE, address, length, advice) };
        if result == 0 || result == -ENOMEM {
            call.event.bytes(Tag::Done, address, &length.to_le_bytes());
        }
    }
    -EINVAL
}

/// A hole has been made in what is mapped of a range.
fn log_hole(event: &mut Builder, address: u64, length: u64) {
    let end = address.saturating_add(length);
    for mapping in shared::overlapping(address, end) {
        let part = mapping.part(address, end);
        let length = part.end - part.start;
        match part.shows {
            Shows::Object(number) => shared::zeros(event, number, part.offset, length),
            Shows::Anonymous => event.bytes(Tag::Zero, part.start, &length.to_le_bytes()),
            Shows::Kept => {}
        }
    }
}

/// What a new mapping of the file behind a descriptor shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A copy of the file that is kept in the trace.
    Kept,
    /// An object: whatever the file holds, now and later.
    Object,
}

/// What a mapping is to show. A file that the program can write to, or that nobody else can find, is an object; who
/// runs in turns anyhow may wait for others to write to it.
fn source(fd: i32, status: &files::Status, is_shared: bool) -> Source {
    let is_live = || mapped_files::find(status).is_some_and(|file| file.live_object().is_some());
    let waits_for_others = is_shared && (status.links == 0 || sharing_group::is_member());
    if status.is_regular && (files::is_writable(fd) || waits_for_others || is_live()) {
        Source::Object
    } else {
        Source::Kept
    }
}

/// A fixed mapping that reaches over the region.
fn reserve(call: &mut Call<'_>) -> i64 {
    let [address, length, protection, flags, ..] = call.args;
    let result = around_region::reserve(&call.args);
    if result >= 0 {
        let length = page_up(length);
        patch::forget(address, length);
        shared::forget(&mut call.event, address, length);
        for [at, part] in around_region::parts(address, length).into_iter().flatten() {
            signal::dirty::join_neighbours(at, part);
            record_mapping(&mut call.event, at, part, protection, flags, &File::NONE);
        }
    }
    result
}

/// What is mapped of which file.
pub struct File {
    pub fd: i32,
    pub offset: u64,
    pub status: Option<files::Status>,
    pub source: Source,
}

impl File {
    /// Memory without a file.
    pub const NONE: File = File {
        fd: -1,
        offset: 0,
        status: None,
        source: Source::Kept,
    };

    /// A program or a library that we map.
    pub fn loaded(fd: i32, offset: u64) -> File {
        File {
            fd,
            offset,
            status: files::status(fd),
            source: Source::Kept,
        }
    }

    fn of(fd: i32, offset: u64, is_shared: bool) -> File {
        let loaded = File::loaded(fd, offset);
        let source = match &loaded.status {
            Some(status) => source(fd, status, is_shared),
            None => Source::Kept,
        };
        File { source, ..loaded }
    }
}

fn mmap(call: &mut Call<'_>) -> Outcome {
    let [address, length, protection, flags, fd, offset] = call.args;
    let fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0;
    if fixed && overlaps_region(address, length) {
        return Outcome::Done(reserve(call));
    }
    let anonymous = flags & MAP_ANONYMOUS != 0;
    if !anonymous && hidden_descriptors::is_hidden(fd) {
        return Outcome::Done(-EBADF);
    }
    let hint = if !fixed && is_reserved(address) {
        0
    } else {
        address
    };
    let is_shared = flags & MAP_SHARED != 0;
    let file = if anonymous {
        File::NONE
    } else {
        File::of(fd as i32, offset, is_shared)
    };
    let replaced = if flags & MAP_FIXED != 0 {
        [address, address.saturating_add(page_up(length))]
    } else {
        [0, 0]
    };
    let is_data = protection & PROT_WRITE != 0 && !is_shared && flags & MAP_GROWSDOWN == 0;
    let is_possible = length != 0 && length < i64::MAX as u64 && address.is_multiple_of(PAGE);
    if is_possible && !limits::allow(page_up(length), is_data, replaced) {
        return Outcome::Done(-ENOMEM);
    }
    if file.source == Source::Object {
        // Another process can have the file mapped, or will.
        sharing_group::join(call);
    }
    // SAFETY: the program asked for it and the range is not ours.
    let make = || unsafe { syscall6(MMAP, hint, length, protection, flags, fd, offset) };
    let result = around_region::placed(length, make, |at| {
        // SAFETY: we have just made it.
        unsafe { syscall2(MUNMAP, at, length) };
    });
    if result < 0 {
        if flags & MAP_FIXED != 0 && address.is_multiple_of(PAGE) {
            half_done::log_lost(&mut call.event, address, length);
        }
        return Outcome::Done(result);
    }
    let at = result as u64;
    let protection = implied_execution::with_implied(call, protection);
    if flags & MAP_TYPE == MAP_DROPPABLE {
        keep(at, length, protection);
    }
    signal::dirty::join_neighbours(at, length);
    if fixed {
        patch::forget(at, length);
        shared::forget(&mut call.event, at, length);
    }
    // What is written to such memory later is code nobody has looked at.
    let is_object = file.source == Source::Object;
    let can_change = anonymous || protection & PROT_WRITE != 0 || is_shared || is_object;
    if protection & PROT_EXEC != 0 && can_change {
        unknown_code::is_made(call.thread, &mut call.event);
    }
    record_mapping(&mut call.event, at, length, protection, flags, &file);
    Outcome::Done(result)
}

/// Memory that the kernel may empty whenever it likes (MAP_DROPPABLE, since Linux 6.11), which no log would have, is not
/// emptied: the program cannot count on it. Forked children have zeros there.
fn keep(address: u64, length: u64, protection: u64) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    // SAFETY: in the place of a mapping that the program has just been given.
    unsafe {
        syscall6(MMAP, address, length, protection, flags, u64::MAX, 0);
        syscall3(MADVISE, address, length, MADV_WIPEONFORK);
    }
}

/// Log a mapping that has just been made, keep its file, and prepare its code.
pub fn record_mapping(
    event: &mut Builder,
    at: u64,
    length: u64,
    protection: u64,
    flags: u64,
    file: &File,
) {
    if !log::recording() {
        // Nobody keeps the file or looks for instructions in it.
        return;
    }
    let mut map = MapRecord {
        length,
        protection: protection as u32,
        flags: flags as u32,
        file: FileId::NONE.0,
        offset: file.offset,
        ..MapRecord::default()
    };
    let is_shared = flags & MAP_SHARED != 0;
    if flags & MAP_ANONYMOUS != 0 {
        if is_shared {
            shared::add_anonymous(at, length);
        }
        event.map(at, &map);
        return;
    }
    let Some(status) = &file.status else {
        event.map(at, &map);
        return;
    };
    map.file_size = status.size;
    let known = status
        .is_regular
        .then(|| mapped_files::add(status))
        .flatten();
    let own = OwnMapping {
        start: at,
        end: at + length,
        offset: file.offset,
        file: known,
        shows: Shows::Kept,
        is_shared,
        is_code: protection & PROT_EXEC != 0,
    };
    if file.source == Source::Object && record_object(event, &mut map, &own, file, status) {
        return;
    }
    let usage = files::Use {
        is_executable: protection & PROT_EXEC != 0,
        is_shared,
    };
    let stored = if status.is_regular {
        let version = known.map_or(0, mapped_files::MappedFileIndex::version);
        files::store(file.fd, status, u64::from(version), usage)
    } else {
        None
    };
    if let Some(id) = stored {
        map.file = id.0;
        event.map(at, &map);
        if let Some(known) = known {
            known.kept_is_mapped(sharing_group::me());
            shared::add(own);
        }
        if protection & PROT_EXEC != 0 {
            sites::apply(event, id, at, length, file.offset, protection);
            if protection & PROT_WRITE == 0 {
                code_ranges::add(at, length, id, file.offset);
            }
        }
        return;
    }
    // A device, or not storable: the bytes go into the log.
    event.map(at, &map);
    if protection & PROT_READ != 0 {
        let visible = if status.is_regular {
            page_up(status.size.saturating_sub(file.offset).min(length))
        } else {
            length
        };
        event.guest_memory(at, visible);
    }
    if is_shared && status.is_zero {
        shared::add_anonymous(at, length);
    }
}

/// Log a mapping of an object, and what it shows; false: the file cannot be one.
fn record_object(
    event: &mut Builder,
    map: &mut MapRecord,
    own: &OwnMapping,
    file: &File,
    status: &files::Status,
) -> bool {
    let end = own.offset.saturating_add(page_up(own.end - own.start));
    let Some((known, number)) = own
        .file
        .and_then(|known| Some((known, known.make_object(end)?)))
    else {
        return false;
    };
    let own = OwnMapping {
        shows: Shows::Object(number),
        ..*own
    };
    let content = file_source::Source::of(file.fd);
    conversion::convert(event, known, Some(&content));
    map.object = number;
    event.map(own.start, map);
    shared::add(own);
    let (from, to) = (own.offset, end.min(status.size));
    object_content::attach_range(event, number, &content, from, to);
    object_content::attach_tail(event, number, file.fd, &own, status.size);
    true
}
