//! Changing the program's code in place.

use reenact_freestanding::numbers::{MPROTECT, PAGE, PROT_EXEC, PROT_READ, PROT_WRITE};
use reenact_freestanding::syscall::syscall3;

use crate::guarded_copy;

/// Change code. One thread at a time runs, so no other can be half-way through it, or need the page meanwhile. It is never
/// writable and executable at once: a wall round a hostile program does not let that pass.
pub fn write(address: u64, bytes: &[u8]) -> bool {
    let start = address & !(PAGE - 1);
    let end = (address + bytes.len() as u64).next_multiple_of(PAGE);
    let length = end - start;
    // SAFETY: the pages are executable code; they are writable only in between.
    unsafe {
        if syscall3(MPROTECT, start, length, PROT_READ | PROT_WRITE) < 0 {
            return false;
        }
        let done = guarded_copy::write(address, bytes);
        syscall3(MPROTECT, start, length, PROT_READ | PROT_EXEC);
        done
    }
}
