//! The program's heap segment (`brk`). It is kept by us: the kernel's own belongs to the recorder's image.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall6};

use reenact_trace::layout::overlaps_region;
use reenact_trace::{FileId, MapRecord};

use crate::guest::{page_up, ADDRESS_END};
use crate::{address_space, signal};

/// Start and current end.
static mut BREAK: [u64; 2] = [0, 0];

/// Set where the heap segment starts.
pub fn set_start(address: u64) {
    set([address, address]);
}

/// Where it starts and ends in a process that ran before it was recorded.
pub fn set(bounds: [u64; 2]) {
    // SAFETY: one thread at a time.
    unsafe { BREAK = bounds };
}

/// By how many bytes of pages `brk(wanted)` makes the segment longer, and how long it is then.
pub fn growth(wanted: u64) -> Option<[u64; 2]> {
    // SAFETY: one thread at a time.
    let [start, current] = unsafe { BREAK };
    let grows = wanted >= start && page_up(wanted) > page_up(current);
    grows.then(|| [page_up(wanted) - page_up(current), wanted - start])
}

/// The current end.
pub fn end() -> u64 {
    // SAFETY: one thread at a time.
    unsafe { BREAK[1] }
}

/// Whether an address lies in the heap segment.
pub fn contains(address: u64) -> bool {
    // SAFETY: one thread at a time.
    let [start, current] = unsafe { BREAK };
    address >= start && address < current
}

/// `brk(wanted)`: the new end, or the old one.
pub fn set_end(wanted: u64) -> i64 {
    // SAFETY: one thread at a time.
    let [start, current] = unsafe { BREAK };
    // Rounded up to pages, an address at the end of all would be one at their beginning.
    if wanted < start || wanted == current || wanted > ADDRESS_END {
        return current as i64;
    }
    let (old_end, new_end) = (page_up(current), page_up(wanted));
    if new_end > old_end && overlaps_region(old_end, new_end - old_end) {
        return current as i64;
    }
    if new_end > old_end {
        // SAFETY: extends the heap segment into free address space only.
        let result = unsafe {
            syscall6(
                MMAP,
                old_end,
                new_end - old_end,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                u64::MAX,
                0,
            )
        };
        if result as u64 != old_end {
            if result > 0 {
                // SAFETY: an old kernel ignored NOREPLACE and mapped elsewhere.
                unsafe { syscall2(MUNMAP, result as u64, new_end - old_end) };
            }
            return current as i64;
        }
        let record = MapRecord {
            length: new_end - old_end,
            protection: (PROT_READ | PROT_WRITE) as u32,
            flags: (MAP_PRIVATE | MAP_ANONYMOUS) as u32,
            file: FileId::NONE.0,
            ..MapRecord::default()
        };
        address_space::map(old_end, &record);
        signal::dirty::join_neighbours(old_end, new_end - old_end);
    } else if new_end < old_end {
        // SAFETY: shrinks the heap segment.
        unsafe { syscall2(MUNMAP, new_end, old_end - new_end) };
        address_space::unmap(new_end, old_end - new_end);
    }
    // SAFETY: one thread at a time.
    unsafe { BREAK[1] = wanted };
    wanted as i64
}
