//! Robust futexes of a thread that ends. The kernel would mark them from the dying thread, at any
//! time; it is done here, at a place the log knows (`exit_robust_list` of kernel/futex/core.c).

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_trace::Tag;

use crate::guest;
use crate::log::Builder;
use crate::thread::Thread;

const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;
const TID: u32 = 0x3fff_ffff;
/// ROBUST_LIST_LIMIT
const MOST: usize = 2048;

/// Mark all futexes of `thread` as those of a dead owner, wake who waits, and log it.
pub fn release(thread: &Thread, event: &mut Builder) {
    let head = thread.robust_list;
    if head == 0 {
        return;
    }
    // The kernel must not do it again.
    // SAFETY: no list.
    unsafe { syscall3(numbers::SET_ROBUST_LIST, 0, 24, 0) };
    let (Some(first), Some(offset), Some(pending)) = (
        guest::read_u64(head),
        guest::read_u64(head + 8),
        guest::read_u64(head + 16),
    ) else {
        return;
    };
    let futex_of = |entry: u64| (entry & !1).wrapping_add(offset);
    let mut entry = first;
    for _ in 0..MOST {
        if entry & !1 == head || entry & !1 == 0 {
            break;
        }
        let Some(next) = guest::read_u64(entry & !1) else {
            break;
        };
        if entry & !1 != pending & !1 {
            mark(thread, futex_of(entry), entry & 1 != 0, event);
        }
        entry = next;
    }
    if pending & !1 != 0 {
        mark(thread, futex_of(pending), pending & 1 != 0, event);
    }
}

fn mark(thread: &Thread, address: u64, inherits: bool, event: &mut Builder) {
    let read = || {
        let mut word = [0u8; 4];
        guest::read(address, &mut word).then(|| u32::from_le_bytes(word))
    };
    let Some(word) = read() else {
        return;
    };
    if word & TID != thread.tid || !address.is_multiple_of(4) {
        return;
    }
    let waiters = word & WAITERS != 0;
    let mut new = word & WAITERS | OWNER_DIED;
    if inherits && waiters {
        // The kernel hands the lock to the first that waits, who must see that its owner died.
        // SAFETY: a futex of the program that this thread has.
        unsafe { syscall4(FUTEX, address, numbers::FUTEX_UNLOCK_PI, 0, 0) };
        new = read().unwrap_or(0) | OWNER_DIED;
    }
    if !guest::write(address, &new.to_le_bytes()) {
        return;
    }
    event.bytes(Tag::Write, address, &new.to_le_bytes());
    if waiters && !inherits {
        // SAFETY: a futex word of the program.
        unsafe { syscall4(FUTEX, address, FUTEX_WAKE, 1, 0) };
    }
}
