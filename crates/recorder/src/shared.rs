//! Shared mappings: which memory other processes may see, and which files are shared objects. What
//! the program writes to such a file by `write` appears in the mapping without the program storing
//! there, so it has to be logged.

use core::sync::atomic::{AtomicBool, Ordering};

use reenact_trace::sharing::OBJECT_COUNT;

use crate::arena;
use crate::files::{self, Status};
use crate::guest::page_up;
use crate::log::Builder;

#[derive(Clone, Copy)]
struct SharedMapping {
    address: u64,
    length: u64,
    device: u64,
    inode: u64,
    offset: u64,
}

const CAPACITY: usize = 256;
static mut MAPPINGS: [SharedMapping; CAPACITY] = [SharedMapping {
    address: 0,
    length: 0,
    device: 0,
    inode: 0,
    offset: 0,
}; CAPACITY];
static mut COUNT: usize = 0;
fn mappings() -> &'static mut [SharedMapping] {
    // SAFETY: one thread at a time; COUNT never exceeds the capacity.
    unsafe { core::slice::from_raw_parts_mut((&raw mut MAPPINGS).cast(), COUNT) }
}

/// Whether there is any: the only question on the path of a `write`.
#[inline]
pub fn any() -> bool {
    // SAFETY: one thread at a time.
    unsafe { COUNT != 0 }
}

/// Whether a child made by `fork` would share memory with this process.
pub fn is_inherited() -> bool {
    any()
}

fn number_of(status: &Status) -> Option<u32> {
    let used = arena::header().objects.load(Ordering::Acquire) as usize;
    let is_it = |&index: &usize| {
        let object = arena::object(index);
        object.inode.load(Ordering::Relaxed) == status.inode
            && object.device.load(Ordering::Relaxed) == status.device
    };
    let index = (0..used.min(OBJECT_COUNT)).rev().find(is_it)?;
    Some(index as u32 + 1)
}

/// Number of the object that a file is, which all its shared mappings show; 0: there is no room
/// for one more. The caller has the token of the group, so nobody else changes the table.
pub fn object_of(status: &Status) -> u32 {
    if let Some(number) = number_of(status) {
        return number;
    }
    let count = &arena::header().objects;
    let used = (count.load(Ordering::Acquire) as usize).min(OBJECT_COUNT);
    if used == OBJECT_COUNT {
        crate::message::once(
            "more than 16384 files mapped shared: processes that share further ones may depart in replay",
        );
        return 0;
    }
    let object = arena::object(used);
    object.device.store(status.device, Ordering::Relaxed);
    object.inode.store(status.inode, Ordering::Relaxed);
    count.store(used as u32 + 1, Ordering::Release);
    used as u32 + 1
}

/// Whether a file has a number already.
pub fn is_object(status: &Status) -> bool {
    number_of(status).is_some()
}

/// Length of what was mapped shared at this address, of a file of this device.
pub fn length_at(address: u64, device: u64) -> Option<u64> {
    let is_it = |mapping: &&SharedMapping| mapping.address == address && mapping.device == device;
    Some(mappings().iter().find(is_it)?.length)
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
    if IS_OVERTAKEN.load(Ordering::Relaxed) {
        return false;
    }
    let holds = |mapping: &SharedMapping| {
        mapping.address < to && from < mapping.address.saturating_add(mapping.length)
    };
    mappings().iter().any(holds)
}

/// Attach what all shared mappings hold now.
pub fn attach_content(event: &mut Builder) {
    /// Most bytes of one mapping.
    const MOST: u64 = 64 << 20;
    for index in 0..mappings().len() {
        let mapping = mappings()[index];
        event.guest_memory(mapping.address, mapping.length.min(MOST));
    }
}

/// Memory was mapped shared that has no file.
pub fn remember_anonymous(address: u64, length: u64) {
    let status = Status::default();
    remember(address, length, &status, 0);
}

/// A file was mapped shared and writable.
pub fn remember(address: u64, length: u64, status: &Status, offset: u64) {
    add(SharedMapping {
        address,
        length,
        device: status.device,
        inode: status.inode,
        offset,
    });
}

fn add(mapping: SharedMapping) {
    // SAFETY: one thread at a time.
    unsafe {
        if COUNT == CAPACITY {
            crate::message::once(
                "more than 256 shared mappings at once: writes to their files by system calls are not covered",
            );
            return;
        }
        COUNT += 1;
    }
    if let Some(last) = mappings().last_mut() {
        *last = mapping;
    }
}

/// The range is no longer (only) what it was.
pub fn forget(address: u64, length: u64) {
    if !any() {
        return;
    }
    let end = address.saturating_add(page_up(length));
    let mut kept = 0;
    let count = mappings().len();
    for index in 0..count {
        let mapping = mappings()[index];
        let mapping_end = mapping.address + mapping.length;
        if mapping.address >= address && mapping_end <= end {
            continue;
        }
        mappings()[kept] = mapping;
        kept += 1;
    }
    // SAFETY: one thread at a time.
    unsafe { COUNT = kept };
}

/// A mapping was moved or got another length.
pub fn follow(old: u64, old_length: u64, new: u64, new_length: u64) {
    let moved = mappings()
        .iter_mut()
        .find(|mapping| mapping.address <= old && old < mapping.address + mapping.length);
    if let Some(mapping) = moved {
        let part = old - mapping.address;
        let entry = SharedMapping {
            address: new,
            length: new_length,
            offset: mapping.offset + part,
            ..*mapping
        };
        forget(old, old_length);
        add(entry);
    }
}

/// A call may have changed the file behind `fd`: log what its mappings show now.
#[inline(never)]
pub fn after_write(event: &mut Builder, fd: i32) {
    let Some(status) = files::status(fd).filter(|status| status.is_regular) else {
        return;
    };
    for index in 0..mappings().len() {
        let mapping = mappings()[index];
        if mapping.device == status.device && mapping.inode == status.inode {
            let visible = status
                .size
                .saturating_sub(mapping.offset)
                .min(mapping.length);
            event.guest_memory(mapping.address, page_up(visible));
        }
    }
}
