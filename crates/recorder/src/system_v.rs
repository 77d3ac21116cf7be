//! System V shared memory: a segment is an object that processes share, as a file mapped shared is one.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall3};
use reenact_trace::layout::overlaps_region;
use reenact_trace::{FileId, MapRecord, Tag};

use crate::call::{Call, Outcome};
use crate::files::Status;
use crate::guest::{page_down, page_up};
use crate::own_mappings::{OwnMapping, Shows};
use crate::{
    address_space, around_region, mapped_files, patch, shared, sharing_group, signal, unknown_code,
};

const SHM_RDONLY: u64 = 0o10000;
const SHM_REMAP: u64 = 0o40000;
const SHM_EXEC: u64 = 0o100000;

/// The device of segments in the table of objects; their ids are the inodes.
const DEVICE: u64 = u64::MAX - 1;
/// A segment that an earlier event has shown is shown again at each attaching, in case a process that is not
/// recorded has written to it, up to this size.
const MOST_AGAIN: u64 = 16 << 20;

/// Size of a segment in bytes, and whether it was ever attached.
fn status(id: u64) -> Option<(u64, bool)> {
    const IPC_STAT: u64 = 2;
    // struct shmid64_ds: a struct ipc64_perm of 48 bytes, the size, the time of the last attaching.
    let mut status = [0u64; 14];
    // SAFETY: a buffer of the structure's size.
    let result = unsafe { syscall3(numbers::SHMCTL, id, IPC_STAT, status.as_mut_ptr() as u64) };
    (result == 0).then(|| (status[6], status[7] != 0))
}

/// `shmat`.
#[inline(never)]
pub fn attach(call: &mut Call<'_>) -> Outcome {
    let [id, address, flags, ..] = call.args;
    let Some((size, is_used)) = status(id) else {
        // SAFETY: fails, or the segment may be attached but not be looked at.
        let result = unsafe { syscall3(numbers::SHMAT, id, address, flags) };
        if result < 0 {
            return Outcome::Done(result);
        }
        // SAFETY: what has just been attached.
        unsafe { syscall1(numbers::SHMDT, result as u64) };
        return Outcome::Done(-EACCES);
    };
    let length = page_up(size);
    if address != 0 && overlaps_region(page_down(address), length) {
        return Outcome::Done(-EINVAL);
    }
    sharing_group::join(call);
    // SAFETY: the program asked for it and the range is not ours.
    let make = || unsafe { syscall3(numbers::SHMAT, id, address, flags) };
    let result = around_region::placed(length, make, |at| {
        // SAFETY: what has just been attached.
        unsafe { syscall1(numbers::SHMDT, at) };
    });
    if result < 0 {
        return Outcome::Done(result);
    }
    let at = result as u64;
    signal::dirty::join_neighbours(at, length);
    if flags & SHM_REMAP != 0 {
        patch::forget(at, length);
        shared::forget(&mut call.event, at, length);
    }
    let mut protection = PROT_READ;
    if flags & SHM_RDONLY == 0 {
        protection |= PROT_WRITE;
    }
    if flags & SHM_EXEC != 0 {
        protection |= PROT_EXEC;
        unknown_code::is_made(call.thread, &mut call.event);
    }
    let status = Status {
        device: DEVICE,
        inode: id & 0xffff_ffff,
        size: length,
        ..Status::default()
    };
    let file = mapped_files::add(&status);
    let is_known = file.is_some_and(|file| file.live_object().is_some());
    let object = file.and_then(|file| file.make_object(length)).unwrap_or(0);
    let record = MapRecord {
        length,
        protection: protection as u32,
        flags: MAP_SHARED as u32,
        file: FileId::NONE.0,
        object,
        file_size: length,
        ..MapRecord::default()
    };
    call.event.map(at, &record);
    if !is_used {
        // An id may come again for another segment.
        call.event.bytes(Tag::Zero, at, &length.to_le_bytes());
    } else if !is_known || length <= MOST_AGAIN {
        call.event.guest_memory(at, length);
    }
    shared::add(OwnMapping {
        start: at,
        end: at + length,
        offset: 0,
        file: file.filter(|_| object != 0),
        shows: if object == 0 {
            Shows::Anonymous
        } else {
            Shows::Object(object)
        },
        is_shared: true,
        is_code: false,
    });
    Outcome::Done(result)
}

/// `shmdt`.
#[inline(never)]
pub fn detach(call: &mut Call<'_>) -> Outcome {
    let address = call.args[0];
    let Some(length) = shared::segment_at(address, |file| file.device() == DEVICE) else {
        return Outcome::Done(-EINVAL);
    };
    // SAFETY: the program asked for it; a segment it has attached.
    let result = unsafe { syscall1(numbers::SHMDT, address) };
    if result == 0 {
        let end = length.to_le_bytes();
        call.event.bytes(Tag::Unmap, address, &end);
        address_space::unmap(address, length);
        shared::forget(&mut call.event, address, length);
        patch::forget(address, length);
    }
    Outcome::Done(result)
}
