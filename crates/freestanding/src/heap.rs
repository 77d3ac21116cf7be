//! A small general heap over one growing mapping: power-of-two size classes with free lists.
//! Single-threaded by construction (the replayer has one host thread).

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;

use crate::{numbers, syscall};

const CLASSES: usize = 48;

const HUGE_PAGE: u64 = 2 << 20;
/// Blocks of this size and more are tables that are reserved once and fill up: the memory behind their first
/// [`SMALL_PAGES`] bytes is in huge pages, of which the kernel clears one in the time of a hundred page faults.
/// Most processes never come that far, and do not pay for a huge page.
const LARGE: usize = 2 << 20;
const SMALL_PAGES: u64 = 256 << 10;

struct State {
    next: u64,
    mapped_end: u64,
    free: [*mut u8; CLASSES],
}

/// The heap. [`Heap::start_at`] fixes where it lives before the first allocation.
pub struct Heap {
    state: UnsafeCell<State>,
}

// SAFETY: one host thread only (see the module's documentation).
unsafe impl Sync for Heap {}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    pub const fn new() -> Heap {
        Heap {
            state: UnsafeCell::new(State {
                next: 0,
                mapped_end: 0,
                free: [ptr::null_mut(); CLASSES],
            }),
        }
    }

    /// Let the heap grow upwards from `address` (page aligned, nothing mapped above it).
    pub fn start_at(&self, address: u64) {
        // SAFETY: single-threaded.
        let state = unsafe { &mut *self.state.get() };
        state.next = address;
        state.mapped_end = address;
    }
}

fn class_of(layout: &Layout) -> (usize, usize) {
    let size = layout
        .size()
        .max(layout.align())
        .max(16)
        .next_power_of_two();
    (size, size.trailing_zeros() as usize)
}

// SAFETY: blocks are disjoint, at least `size` long, and aligned to that power of two; the large ones to `SMALL_PAGES`.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, class) = class_of(&layout);
        if layout.align() as u64 > SMALL_PAGES {
            return ptr::null_mut();
        }
        // SAFETY: single-threaded.
        let state = unsafe { &mut *self.state.get() };
        if class < CLASSES && !state.free[class].is_null() {
            let block = state.free[class];
            // SAFETY: a free block holds the address of the next one.
            state.free[class] = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let is_large = size >= LARGE;
        let (start, end) = if is_large {
            let start = (state.next + SMALL_PAGES).next_multiple_of(HUGE_PAGE) - SMALL_PAGES;
            // Up to a whole huge page, or the last part would have none.
            (start, (start + size as u64).next_multiple_of(HUGE_PAGE))
        } else {
            let start = state.next.next_multiple_of(size as u64);
            (start, start + size as u64)
        };
        if end > state.mapped_end {
            let grow = (end - state.mapped_end + (1 << 20)) & !0xfff;
            // SAFETY: maps fresh memory above the heap's end.
            let result = unsafe {
                syscall::syscall6(
                    numbers::MMAP,
                    state.mapped_end,
                    grow,
                    numbers::PROT_READ | numbers::PROT_WRITE,
                    numbers::MAP_PRIVATE
                        | numbers::MAP_ANONYMOUS
                        | numbers::MAP_FIXED_NOREPLACE
                        | numbers::MAP_NORESERVE,
                    u64::MAX,
                    0,
                )
            };
            if result as u64 != state.mapped_end {
                return ptr::null_mut();
            }
            state.mapped_end += grow;
        }
        if is_large {
            let huge = start + SMALL_PAGES;
            // SAFETY: advice about our own memory.
            unsafe {
                syscall::syscall3(numbers::MADVISE, huge, end - huge, numbers::MADV_HUGEPAGE)
            };
        }
        state.next = end;
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (_, class) = class_of(&layout);
        // SAFETY: single-threaded; the block is at least 16 bytes long.
        unsafe {
            let state = &mut *self.state.get();
            block.cast::<*mut u8>().write(state.free[class]);
            state.free[class] = block;
        }
    }
}
