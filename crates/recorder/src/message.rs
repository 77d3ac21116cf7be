//! What the recorder tells a person: as `Note` events in the trace, which the supervisor
//! repeats at the end, never on the program's own descriptors while it runs.

use core::sync::atomic::{AtomicUsize, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::print_to;
use reenact_freestanding::syscall::{syscall1, syscall4};

use crate::log;
use crate::signal::SIGSEGV;

/// Log a note; while an event is under construction, after that event.
#[cold]
pub fn note(text: &str) {
    log::note(text);
}

static LAST: AtomicUsize = AtomicUsize::new(0);

/// Log a note unless it is the one logged last (a refused call in a loop).
#[cold]
pub fn once(text: &str) {
    let mut hash = text.len();
    for &byte in text.as_bytes() {
        hash = hash.wrapping_mul(31).wrapping_add(usize::from(byte));
    }
    if LAST.swap(hash, Ordering::Relaxed) != hash {
        note(text);
    }
}

/// The recorder cannot start the program: say why and end.
pub fn fail(text: &str) -> ! {
    print_to!(2, "reenact: {text}\n");
    loop {
        // SAFETY: ends the process.
        unsafe { syscall1(EXIT_GROUP, 125) };
    }
}

/// A fault in the recorder itself. Let the kernel kill the process where it happened.
pub fn fatal_fault(signal: u32, ip: u64, address: u64) {
    print_to!(
        2,
        "reenact: internal error (please report): signal {signal} in the recorder at {ip:#x}, address {address:#x}\n"
    );
    let action = [0u64; 4];
    for number in [u64::from(signal), u64::from(SIGSEGV)] {
        // SAFETY: a sigaction of zeros: the default action.
        unsafe { syscall4(RT_SIGACTION, number, action.as_ptr() as u64, 0, 8) };
    }
}
