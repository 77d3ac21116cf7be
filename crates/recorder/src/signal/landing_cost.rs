//! How often landings may be made.

use core::sync::atomic::{AtomicU64, Ordering};

/// What the last landing took, and the program's first writes to pages that it protected, nanoseconds.
static COST_NS: AtomicU64 = AtomicU64::new(0);

/// A landing has been made.
pub fn set(cost_ns: u64) {
    COST_NS.store(cost_ns, Ordering::Relaxed);
}

/// What the last landing took.
pub fn last_ns() -> u64 {
    COST_NS.load(Ordering::Relaxed)
}

/// How long to wait before the next landing, at least `least`: so that landings in a program
/// with much memory take a tenth of its time.
pub fn pause_ns(least: u64) -> u64 {
    least
        .max(10 * COST_NS.load(Ordering::Relaxed))
        .min(999_999_999)
}
