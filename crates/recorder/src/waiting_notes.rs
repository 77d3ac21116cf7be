//! Notes made while an event was under construction; they follow it in the log.

use core::fmt::Write;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::text::Text;

const CAPACITY: usize = 4;
static mut WAITING: [Text; CAPACITY] = [const { Text::new() }; CAPACITY];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Keep a note for later; one too many is lost.
pub fn add(text: &str) {
    let count = COUNT.load(Ordering::Relaxed);
    if count < CAPACITY {
        let mut kept = Text::new();
        let _ = kept.write_str(text);
        // SAFETY: one thread at a time; the index was checked.
        unsafe { (&raw mut WAITING).cast::<Text>().add(count).write(kept) };
        COUNT.store(count + 1, Ordering::Relaxed);
    }
}

/// Whether any wait.
#[inline]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// Take all that wait. Notes added from now on are new ones, which may take their places: they are
/// to be written before that.
pub fn take() -> impl Iterator<Item = &'static Text> {
    (0..COUNT.swap(0, Ordering::Relaxed)).map(|index| {
        // SAFETY: one thread at a time; these were written by `add`.
        unsafe { &*(&raw const WAITING).cast::<Text>().add(index) }
    })
}
