//! Whether the program that runs here was loaded by the kernel, before it was recorded, and not by us.

use core::sync::atomic::{AtomicBool, Ordering};

static RAN_BEFORE: AtomicBool = AtomicBool::new(false);

/// It ran before.
pub fn note() {
    RAN_BEFORE.store(true, Ordering::Relaxed);
}

/// Whether the kernel has it as its own.
pub fn is_there() -> bool {
    RAN_BEFORE.load(Ordering::Relaxed)
}
