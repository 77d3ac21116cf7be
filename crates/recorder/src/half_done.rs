//! Calls about ranges of memory that fail after they have dealt with a part of them. The kernel goes from
//! mapping to mapping and stops at the first that it cannot change (mm/mprotect.c: do_mprotect_pkey,
//! mm/madvise.c: madvise_walk_vmas), and the result does not tell where that was.

use reenact_freestanding::numbers::{self, PAGE};
use reenact_freestanding::syscall::{syscall2, syscall6};
use reenact_trace::Tag;

use crate::address_space;
use crate::guest::page_up;
use crate::log::Builder;

/// Log how much of the range at `address` is done, and answer it; 0: nothing.
///
/// `is_done_to` says whether the first so many bytes are done: by asking the kernel for them once more,
/// which changes nothing more.
pub fn log_part(
    event: &mut Builder,
    address: u64,
    length: u64,
    is_done_to: impl Fn(u64) -> bool,
) -> u64 {
    // These the kernel refuses before it looks at the first mapping.
    let Some(whole) = length.checked_next_multiple_of(PAGE) else {
        return 0;
    };
    if !address.is_multiple_of(PAGE) || whole <= PAGE || address.checked_add(whole).is_none() {
        return 0;
    }
    if !is_done_to(PAGE) {
        return 0;
    }
    let (mut done, mut not_done) = (1, whole / PAGE);
    while not_done - done > 1 {
        let middle = done + (not_done - done) / 2;
        if is_done_to(middle * PAGE) {
            done = middle;
        } else {
            not_done = middle;
        }
    }
    let length = done * PAGE;
    event.bytes(Tag::Done, address, &length.to_le_bytes());
    length
}

/// A call that makes a mapping at a fixed place has failed: what was there may be gone already.
pub fn log_lost(event: &mut Builder, address: u64, length: u64) {
    const FLAGS: u64 = numbers::MAP_PRIVATE
        | numbers::MAP_ANONYMOUS
        | numbers::MAP_NORESERVE
        | numbers::MAP_FIXED_NOREPLACE;
    let whole = page_up(length);
    // SAFETY: only where nothing is mapped.
    let result = unsafe {
        syscall6(
            numbers::MMAP,
            address,
            whole,
            numbers::PROT_NONE,
            FLAGS,
            u64::MAX,
            0,
        )
    };
    if result as u64 != address {
        return;
    }
    // SAFETY: we have just made it.
    unsafe { syscall2(numbers::MUNMAP, address, whole) };
    address_space::unmap(address, whole);
    event.bytes(Tag::Unmap, address, &whole.to_le_bytes());
}
