//! Calls that change files which recorded processes have mapped. What they change is logged as a change of the
//! object that the file is, whether the caller has it mapped or not.

mod content;
mod descriptors;
mod effect;
mod mappers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall4;
use reenact_syscalls::{Descriptors, Paths, SystemCall};

use self::content::{bytes, bytes_given, grown, range, resized};
use self::descriptors::file_of;
pub use self::descriptors::forget_descriptor;
use self::effect::{appends, ends_at, Effect};
use self::mappers::is_mapped_by_others;
use crate::call::Call;
use crate::file_source::Source;
use crate::files::{self, Status};
use crate::mapped_files::{self, MappedFileIndex};
use crate::own_mappings::{OwnMapping, Shows};
use crate::{conversion, guest, shared, sharing_group};

/// A call that is about to change a mapped file.
pub struct Change {
    file: MappedFileIndex,
    /// The descriptor it changes the file by; of one named by a path, none.
    descriptor: Option<i32>,
    size: u64,
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
    if file.live_object().is_none() && (kept == 0 || descriptors::is_unmapped(fd, kept)) {
        return None;
    }
    let status = files::status(fd).filter(|status| file.is(status))?;
    if !about_to_change(call, file, &status, Some(fd)) {
        descriptors::remember_unmapped(fd, kept);
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
    let effect = effect::of_call(call.number, &call.args, result, now);
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
