//! What the recorder tells a person: as `Note` events in the trace, which the supervisor
//! repeats at the end, never on the program's own descriptors while it runs.

use core::fmt::Write;
use core::sync::atomic::{AtomicUsize, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::print_to;
use reenact_freestanding::syscall::{syscall1, syscall4};
use reenact_trace::EventKind;

use crate::log::Builder;
use crate::signal::SIGSEGV;

/// A short text on the stack.
pub struct Text {
    length: usize,
    bytes: [u8; 256],
}

impl Text {
    pub const fn new() -> Text {
        Text {
            length: 0,
            bytes: [0; 256],
        }
    }

    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("(text cut inside a character)")
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes.len() - self.length;
        let take = text.len().min(room);
        self.bytes[self.length..self.length + take].copy_from_slice(&text.as_bytes()[..take]);
        self.length += take;
        Ok(())
    }
}

/// Format into a [`Text`].
#[macro_export]
macro_rules! text {
    ($($format:tt)*) => {{
        let mut text = $crate::message::Text::new();
        let _ = core::fmt::Write::write_fmt(&mut text, format_args!($($format)*));
        text
    }};
}

const WAITING_CAPACITY: usize = 4;
/// Notes made while an event was under construction; they follow it.
static mut WAITING: [Text; WAITING_CAPACITY] = [const { Text::new() }; WAITING_CAPACITY];
static WAITING_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Log a note; while an event is under construction, after that event.
#[cold]
pub fn note(text: &str) {
    if crate::log::is_building() {
        let count = WAITING_COUNT.load(Ordering::Relaxed);
        if count < WAITING_CAPACITY {
            let mut kept = Text::new();
            let _ = kept.write_str(text);
            // SAFETY: one thread at a time; the index was checked.
            unsafe { (&raw mut WAITING).cast::<Text>().add(count).write(kept) };
            WAITING_COUNT.store(count + 1, Ordering::Relaxed);
        }
        return;
    }
    log(text);
}

/// Log the notes that waited for an event to be finished.
#[inline]
pub fn log_waiting() {
    let count = WAITING_COUNT.load(Ordering::Relaxed);
    if count == 0 {
        return;
    }
    // The notes' own events find none waiting.
    WAITING_COUNT.store(0, Ordering::Relaxed);
    for index in 0..count {
        // SAFETY: one thread at a time; these were written by `note`.
        let text = unsafe { &*(&raw const WAITING).cast::<Text>().add(index) };
        log(text.as_str());
    }
}

fn log(text: &str) {
    let mut event = Builder::new(EventKind::Note, 0);
    event.text(text);
    event.header.flags = reenact_trace::event::flags::IMMEDIATE;
    event.commit();
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
