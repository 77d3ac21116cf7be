//! The heap segment becomes the kernel's again, which has not heard of its end since it was recorded.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall2, syscall5, syscall6};
use reenact_trace::layout::REPLAYER_HEAP_ADDRESS;

use crate::guest::page_up;
use crate::{address_space, heap};

/// Where pages of it wait while the kernel makes it longer; nothing else is there while recording.
const ASIDE: u64 = REPLAYER_HEAP_ADDRESS;

/// Let the kernel's end be the program's.
pub fn give_back() {
    // SAFETY: asks for the end.
    let kernels = unsafe { syscall1(BRK, 0) } as u64;
    let programs = heap::end();
    let (from, to) = (page_up(kernels), page_up(programs));
    if to < from {
        shorten(to, from, programs);
    } else {
        lengthen(from, to, programs);
    }
}

fn set_end(end: u64) {
    // SAFETY: what is there is prepared for it.
    unsafe { syscall1(BRK, end) };
}

/// The kernel takes away what is there: something has to be.
fn shorten(from: u64, to: u64, end: u64) {
    let (protection, flags) = (
        PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
    );
    // SAFETY: memory where the program has nothing, as far as that is so.
    let is_made = unsafe { syscall6(MMAP, from, to - from, protection, flags, u64::MAX, 0) };
    if is_made as u64 == from {
        set_end(end);
    }
}

/// The kernel puts memory where nothing is: what is there goes aside meanwhile.
fn lengthen(from: u64, to: u64, end: u64) {
    let aside = |address: u64| ASIDE + (address - from);
    move_areas(from, to, |start| (start, aside(start)));
    set_end(end);
    // What the program has unmapped of it stays so.
    // SAFETY: memory that the kernel has just made, or none.
    unsafe { syscall2(MUNMAP, from, to - from) };
    move_areas(from, to, |start| (aside(start), start));
}

fn move_areas(from: u64, to: u64, places: impl Fn(u64) -> (u64, u64)) {
    if from >= to {
        return;
    }
    address_space::for_areas(from, to, |area| {
        let (start, end) = (area.start.max(from), area.end.min(to));
        let (old, new) = places(start);
        let length = end - start;
        // SAFETY: the program's pages, which stand still, and free places.
        unsafe {
            syscall5(
                MREMAP,
                old,
                length,
                length,
                MREMAP_MAYMOVE | MREMAP_FIXED,
                new,
            )
        };
    });
}
