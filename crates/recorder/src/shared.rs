//! Shared mappings of files: what the program writes to such a file by `write` appears in the
//! mapping without the program storing there, so it has to be logged.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::files::{self, Status};
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
/// Whether writable memory was mapped that children share.
static WRITABLE: AtomicBool = AtomicBool::new(false);

/// Memory was mapped writable and shared.
pub fn note_writable() {
    WRITABLE.store(true, Ordering::Relaxed);
}

/// A child has been made: say what of its memory is not covered.
pub fn tell_of_sharing() {
    if WRITABLE.load(Ordering::Relaxed) {
        crate::message::once(
            "a child shares writable memory with its parent (MAP_SHARED): what one writes there \
             for the other to read is not recorded yet, the replay may depart",
        );
    }
}

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

/// A new address space.
pub fn remember(address: u64, length: u64, status: &Status, offset: u64) {
    let overlaps = |other: &SharedMapping| {
        other.device == status.device
            && other.inode == status.inode
            && other.offset < offset.saturating_add(length)
            && offset < other.offset.saturating_add(other.length)
    };
    if mappings().iter().any(overlaps) {
        crate::message::once(
            "a part of a file is mapped shared twice: what the program stores through one mapping \
             is not seen through the other in replay, which may depart",
        );
    }
    // SAFETY: one thread at a time.
    unsafe {
        if COUNT == CAPACITY {
            crate::message::once(
                "more than 256 shared file mappings at once: writes to their files by system calls are not covered",
            );
            return;
        }
        COUNT += 1;
    }
    if let Some(last) = mappings().last_mut() {
        *last = SharedMapping {
            address,
            length,
            device: status.device,
            inode: status.inode,
            offset,
        };
    }
}

/// The range is no longer (only) what it was.
pub fn forget(address: u64, length: u64) {
    if !any() {
        return;
    }
    let end = address.saturating_add((length + 4095) & !4095);
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

/// A call may have changed the file behind `fd`: log what its mappings show now.
#[inline(never)]
pub fn after_write(event: &mut Builder, fd: i32) {
    let Some(status) = files::status(fd) else {
        return;
    };
    for index in 0..mappings().len() {
        let mapping = mappings()[index];
        if mapping.device == status.device && mapping.inode == status.inode {
            let visible = status
                .size
                .saturating_sub(mapping.offset)
                .min(mapping.length);
            event.guest_memory(mapping.address, (visible + 4095) & !4095);
        }
    }
}
