//! Memory of the process that others could have, too: mapped shared without a file, or showing an object.
//!
//! The copy shows what the process stores there meanwhile, so the process waits until all of it is written.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::{FUTEX, FUTEX_WAIT, FUTEX_WAKE, MPROTECT, PROT_READ};
use reenact_freestanding::syscall::{syscall3, syscall4};

use crate::log::Builder;
use crate::own_mappings::Shows;
use crate::{object_content, shared};

/// Most bytes of it that a process waits for.
const MOST: u64 = 256 << 20;

/// Whether there is any.
pub fn is_any() -> bool {
    shared::is_inherited()
}

/// Whether a snapshot can have all of it.
pub fn can_be_written() -> bool {
    let mut bytes = 0;
    for mapping in shared::all() {
        if mapping.is_common() {
            // Of a private mapping nobody knows which pages are its own and which the object's.
            bytes += if mapping.is_shared {
                mapping.end - mapping.start
            } else {
                MOST + 1
            };
        }
    }
    bytes <= MOST
}

/// In the copy: write it, and say so.
pub fn write(event: &mut Builder, is_written: &AtomicU32) {
    for mapping in shared::all().iter().rev().filter(|one| one.is_common()) {
        let length = mapping.end - mapping.start;
        // SAFETY: a copy of the program, which is not to run.
        unsafe { syscall3(MPROTECT, mapping.start, length, PROT_READ) };
        match mapping.shows {
            Shows::Anonymous => event.guest_memory(mapping.start, length),
            Shows::Object(number) => object_content::attach_shown(event, number, mapping),
            Shows::Kept => {}
        }
    }
    is_written.store(1, Ordering::SeqCst);
    // SAFETY: a futex word in shared memory.
    unsafe { syscall4(FUTEX, is_written.as_ptr() as u64, FUTEX_WAKE, 1, 0) };
}

/// In the process: wait until it is written, as long as there is a copy that writes.
pub fn wait(is_written: &AtomicU32, is_there: impl Fn() -> bool) {
    const LOOK_AGAIN: [u64; 2] = [0, 5_000_000];
    while is_written.load(Ordering::SeqCst) == 0 && is_there() {
        let (word, timeout) = (is_written.as_ptr() as u64, LOOK_AGAIN.as_ptr() as u64);
        // SAFETY: a futex word in shared memory and a timespec of ours.
        unsafe { syscall4(FUTEX, word, FUTEX_WAIT, 0, timeout) };
    }
}
