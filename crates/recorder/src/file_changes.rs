//! Calls that change files which recorded processes have mapped. What they change is logged as a change of the
//! object that the file is, whether the caller has it mapped or not.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_syscalls::{Descriptors, Paths, SystemCall};
use reenact_trace::sharing::slot_and_pid;
use reenact_trace::Tag;

use crate::call::Call;
use crate::file_source::Source;
use crate::files::{self, Status};
use crate::guest::{page_up, GuestMemory};
use crate::log::Builder;
use crate::mapped_files::{self, MappedFileIndex};
use crate::object_content;
use crate::own_mappings::{OwnMapping, Shows};
use crate::{arena, conversion, guest, message, shared, sharing_group, streams, text};

/// A call that is about to change a mapped file.
pub struct Change {
    file: MappedFileIndex,
    /// The descriptor it changes the file by; of one named by a path, none.
    descriptor: Option<i32>,
    size: u64,
}

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
fn file_of(call: &Call<'_>, descriptor: u64) -> Option<MappedFileIndex> {
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
    if !call.thread.vfork_child && !sharing_group::shares_descriptors() {
        if let Some(known) = FILES.get(descriptor as usize) {
            let word = found.map_or(0, MappedFileIndex::word);
            known.store(generation << 32 | u64::from(word), Ordering::Relaxed);
            UNMAPPED_AT[descriptor as usize].store(0, Ordering::Relaxed);
        }
    }
    found
}

/// Before a call: whether it is about to change a file that somebody has mapped.
#[inline(always)]
pub fn before(call: &mut Call<'_>, entry: &SystemCall) -> Option<Change> {
    if let Some(to) = entry.content.descriptor() {
        let descriptor = call.args[usize::from(to)];
        let file = file_of(call, descriptor)?;
        return before_change(call, file, descriptor as i32);
    }
    match call.number {
        TRUNCATE => before_truncate(call),
        IOCTL if matches!(call.args[1] as u32, FICLONE | FICLONERANGE) => {
            let descriptor = call.args[0];
            let file = file_of(call, descriptor)?;
            before_change(call, file, descriptor as i32)
        }
        _ => None,
    }
}

const FICLONE: u32 = 0x4004_9409;
const FICLONERANGE: u32 = 0x4020_940d;

/// Before bytes are written by a descriptor on behalf of a call that says so in its own way.
pub fn before_writing(call: &mut Call<'_>, descriptor: i32) -> Option<Change> {
    let file = file_of(call, descriptor as u64)?;
    before_change(call, file, descriptor)
}

#[cold]
#[inline(never)]
fn before_change(call: &mut Call<'_>, file: MappedFileIndex, fd: i32) -> Option<Change> {
    file.changes();
    let kept = file.kept_mappings();
    let remembered = UNMAPPED_AT.get(fd as usize);
    let is_unmapped = remembered.is_some_and(|at| at.load(Ordering::Relaxed) == kept);
    if file.live_object().is_none() && (kept == 0 || is_unmapped) {
        return None;
    }
    let status = files::status(fd).filter(|status| file.is(status))?;
    let change = about_to_change(call, file, &status, Some(fd));
    if !change {
        if let Some(remembered) = remembered {
            remembered.store(kept, Ordering::Relaxed);
        }
        return None;
    }
    Some(Change {
        file,
        descriptor: Some(fd),
        size: status.size,
    })
}

#[cold]
#[inline(never)]
fn before_truncate(call: &mut Call<'_>) -> Option<Change> {
    let mut stat = [0u64; 18];
    let path = call.args[0];
    // SAFETY: struct stat is 144 bytes; the kernel checks the path.
    let result = unsafe {
        syscall4(
            NEWFSTATAT,
            AT_FDCWD as u64,
            path,
            stat.as_mut_ptr() as u64,
            0,
        )
    };
    let status = (result == 0).then(|| Status::new(&stat))?;
    let file = mapped_files::find(&status).filter(|_| status.is_regular)?;
    about_to_change(call, file, &status, None).then_some(Change {
        file,
        descriptor: None,
        size: status.size,
    })
}

/// Whether somebody has the file mapped. It is an object from now on, and this process is in its turn.
fn about_to_change(
    call: &mut Call<'_>,
    file: MappedFileIndex,
    status: &Status,
    fd: Option<i32>,
) -> bool {
    file.changes();
    let is_mine = |mapping: &OwnMapping| mapping.file == Some(file) && mapping.shows == Shows::Kept;
    let is_mapped_here = shared::all().iter().any(is_mine);
    let is_mapped_elsewhere = file.kept_mappings() != 0 && is_mapped_by_others(file, status);
    if file.live_object().is_none() && !is_mapped_here && !is_mapped_elsewhere {
        return false;
    }
    sharing_group::join(call);
    // Also where only others have it mapped: in their next turns they see that it is one.
    if file.make_object(status.size).is_some() {
        file.is_to_be_converted();
        if is_mapped_here {
            let source = fd.map(Source::of);
            conversion::convert(&mut call.event, file, source.as_ref());
        }
    }
    true
}

/// Whether other processes have mapped the copy of the file that is kept. Those that run in turns convert their
/// mappings; what the others see is not known.
fn is_mapped_by_others(file: MappedFileIndex, status: &Status) -> bool {
    let own = sharing_group::me();
    let others = file.mappers().into_iter().filter(|&other| other != own);
    let mut is_any = false;
    for (slot, pid) in others.filter_map(slot_and_pid) {
        if !maps_file_of(pid, status) {
            continue;
        }
        is_any = true;
        let member = arena::waiter(slot).member.load(Ordering::Acquire);
        if slot_and_pid(member) != Some((slot, pid)) {
            let text = text!(
                "a file that process {pid} has mapped was changed by another process: what the mapping \
                 shows of that is not recorded"
            );
            message::once(text.as_str());
        }
    }
    is_any
}

/// Whether a process has a file mapped.
fn maps_file_of(pid: u32, status: &Status) -> bool {
    let device = status.device;
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    let wanted = text!(" {major:02x}:{minor:02x} {} ", status.inode);
    let wanted = wanted.as_str().as_bytes();
    let name = text!("/proc/{pid}/maps\0");
    let mut buffer = [0u8; 4096];
    let mut held = 0;
    let mut is_found = false;
    // SAFETY: a NUL-terminated name and a buffer of ours; a descriptor of ours, closed again.
    unsafe {
        let path = name.as_str().as_ptr() as u64;
        let file = syscall4(OPENAT, AT_FDCWD as u64, path, O_RDONLY | O_CLOEXEC, 0);
        while file >= 0 && !is_found {
            let (to, room) = (
                buffer.as_mut_ptr() as u64 + held as u64,
                buffer.len() - held,
            );
            let count = syscall3(READ, file as u64, to, room as u64);
            if count <= 0 {
                break;
            }
            held += count as usize;
            is_found = buffer[..held]
                .windows(wanted.len())
                .any(|part| part == wanted);
            let kept = held.min(wanted.len());
            buffer.copy_within(held - kept..held, 0);
            held = kept;
        }
        if file >= 0 {
            syscall2(CLOSE, file as u64, 0);
        }
    }
    is_found
}

/// What a call has done to a file.
enum Effect {
    /// These bytes are new.
    Bytes(u64, u64),
    /// These are, holes among them.
    Range(u64, u64),
    /// So long is it now.
    Resized(u64),
}

/// After the call: log what it has changed.
#[cold]
#[inline(never)]
pub fn after(call: &mut Call<'_>, change: &Change, result: i64) {
    if result < 0 {
        return;
    }
    let file = change.file;
    let Some(descriptor) = change.descriptor else {
        return resized(&mut call.event, file, change.size, call.args[1], None);
    };
    let now = size_of(descriptor, change);
    let effect = effect(call.number, &call.args, result, now);
    log(call, change, descriptor, &effect);
}

/// After [`before_writing`]: so many bytes were written from an offset on.
pub fn after_writing(call: &mut Call<'_>, change: &Change, offset: u64, count: u64) {
    let Some(descriptor) = change.descriptor else {
        return;
    };
    let end = if appends(descriptor as u64) {
        size_of(descriptor, change)
    } else {
        offset.saturating_add(count)
    };
    log(call, change, descriptor, &ends_at(end, count));
}

fn size_of(descriptor: i32, change: &Change) -> u64 {
    files::status(descriptor).map_or(change.size, |status| status.size)
}

fn log(call: &mut Call<'_>, change: &Change, descriptor: i32, effect: &Effect) {
    let (file, old, now) = (change.file, change.size, size_of(descriptor, change));
    let source = Source::of(descriptor);
    let event = &mut call.event;
    match *effect {
        Effect::Resized(size) => resized(event, file, old, size, Some(&source)),
        Effect::Bytes(from, to) => {
            grown(event, file, old, from.min(now), &source);
            if !bytes(event, file, from, to, &source) {
                bytes_given(call, file, from, to);
            }
        }
        Effect::Range(from, to) => {
            grown(event, file, old, now, &source);
            range(event, file, from, to, &source);
        }
    }
}

/// So many bytes up to there.
fn ends_at(end: u64, count: u64) -> Effect {
    Effect::Bytes(end.saturating_sub(count), end)
}

/// Whether all that is written by a descriptor is appended.
fn appends(descriptor: u64) -> bool {
    // SAFETY: asks for flags.
    let flags = unsafe { syscall2(FCNTL, descriptor, F_GETFL) };
    flags >= 0 && flags as u64 & O_APPEND != 0
}

fn effect(number: u64, args: &[u64; 6], result: i64, size: u64) -> Effect {
    const RWF_APPEND: u64 = 0x10;
    const PUNCH_OR_ZERO: u64 = 0x2 | 0x10;
    const MOVES: u64 = 0x8 | 0x20;
    let count = result as u64;
    let position = |fd: u64| {
        // SAFETY: asks for the position.
        let at = unsafe { syscall3(LSEEK, fd, 0, SEEK_CUR) };
        ends_at(at.max(0) as u64, count)
    };
    let offset_at = |pointer: u64, fd: u64| match guest::read_u64(pointer) {
        Some(end) if pointer != 0 => ends_at(end, count),
        _ => position(fd),
    };
    match number {
        WRITE | WRITEV | SENDFILE => position(args[0]),
        PWRITE64 | PWRITEV if appends(args[0]) => ends_at(size, count),
        PWRITEV2 if appends(args[0]) || args[5] & RWF_APPEND != 0 => ends_at(size, count),
        PWRITEV2 if args[3] == u64::MAX => position(args[0]),
        PWRITE64 | PWRITEV | PWRITEV2 => Effect::Bytes(args[3], args[3].saturating_add(count)),
        COPY_FILE_RANGE | SPLICE => offset_at(args[3], args[2]),
        FTRUNCATE => Effect::Resized(args[1]),
        FALLOCATE if args[1] & PUNCH_OR_ZERO != 0 => {
            Effect::Range(args[2], args[2].saturating_add(args[3]))
        }
        FALLOCATE if args[1] & MOVES != 0 => Effect::Range(args[2], u64::MAX),
        FALLOCATE => Effect::Bytes(size, size),
        _ => Effect::Range(0, u64::MAX),
    }
}

/// The part of a range that mappings have shown.
fn shown(file: MappedFileIndex, from: u64, to: u64) -> (u64, u64) {
    let [first, last] = file.shown();
    (from.max(first), to.min(last))
}

/// Log bytes of the file; false when they cannot be read.
fn bytes(event: &mut Builder, file: MappedFileIndex, from: u64, to: u64, source: &Source) -> bool {
    let (first, last) = shown(file, from, to);
    show_in_code(event, file, from, to);
    object_content::attach_bytes(event, file.number(), source, first, last)
}

/// The descriptor is for writing only: log what the call has given to it, or what a mapping shows.
fn bytes_given(call: &mut Call<'_>, file: MappedFileIndex, from: u64, to: u64) {
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

fn range(event: &mut Builder, file: MappedFileIndex, from: u64, to: u64, source: &Source) {
    let (first, last) = shown(file, from, to);
    if first < last {
        object_content::attach_range(event, file.number(), source, first, last);
    }
    show_in_code(event, file, from, to);
}

/// The file has become longer, up to `end` at least: what was behind its end in the same page is seen, and zeros.
fn grown(event: &mut Builder, file: MappedFileIndex, old: u64, end: u64, source: &Source) {
    if end > old {
        range(event, file, old, end, source);
    }
}

fn resized(
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

/// After a call that opens: with O_TRUNC the file is empty.
#[inline(always)]
pub fn after_open(call: &mut Call<'_>, entry: &SystemCall, result: i64) {
    if call.number != CREAT && !matches!(entry.descriptors, Descriptors::Opened { .. }) {
        return;
    }
    let flags = match entry.paths {
        Paths::Opened { flags } => call.args[usize::from(flags)],
        Paths::OpenedBy { how } => guest::read_u64(call.args[usize::from(how)]).unwrap_or(0),
        _ if call.number == CREAT => O_TRUNC,
        _ => return,
    };
    if flags & O_TRUNC != 0 && result >= 0 {
        after_emptying(call, result as i32);
    }
}

#[inline(never)]
fn after_emptying(call: &mut Call<'_>, fd: i32) {
    let Some(file) = file_of(call, fd as u64) else {
        return;
    };
    let Some(status) = files::status(fd) else {
        return;
    };
    if about_to_change(call, file, &status, Some(fd)) {
        resized(&mut call.event, file, u64::MAX, 0, None);
    }
}
