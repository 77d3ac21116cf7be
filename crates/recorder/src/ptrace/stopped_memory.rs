//! The memory of a stopped thread, which it reads and writes for its tracer.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall4};
use reenact_interpose::{breakpoints, call_sites};

use super::stopped::Stopped;
use crate::guest;

/// Read the program's memory as it is without what we have changed in its code.
pub fn read(address: u64, into: &mut [u8]) -> i64 {
    if !guest::read(address, into) {
        return -EIO;
    }
    call_sites::show_original(address, into);
    breakpoints::show_original(address, into);
    0
}

/// Write to the program's memory, where it may not write itself, too.
pub fn write(stopped: &mut Stopped<'_>, address: u64, bytes: &mut [u8]) -> i64 {
    stopped.in_turn(|stopped| {
        if !guest::read_all(address, bytes.len() as u64) {
            return -EIO;
        }
        stopped.know_place();
        let registers = stopped.thread.frame.registers;
        let mut event = stopped.begin_change(&registers);
        call_sites::undo_in(address, bytes.len() as u64, |start, length| {
            event.guest_memory(start, length);
        });
        breakpoints::keep_over(address, bytes);
        if !force_write(address, bytes) {
            return -EIO;
        }
        event.guest_memory(address, bytes.len() as u64);
        event.commit();
        0
    })
}

fn force_write(address: u64, bytes: &[u8]) -> bool {
    let length = bytes.len();
    // SAFETY: a name and bytes of ours; the kernel checks the address.
    unsafe {
        let name = c"/proc/self/mem".as_ptr() as u64;
        const READ_WRITE: u64 = 2;
        let file = syscall4(OPENAT, AT_FDCWD as u64, name, READ_WRITE | O_CLOEXEC, 0);
        if file < 0 {
            return guest::write(address, bytes);
        }
        let from = bytes.as_ptr() as u64;
        let written = syscall4(PWRITE64, file as u64, from, length as u64, address);
        syscall2(CLOSE, file as u64, 0);
        written == length as i64
    }
}
