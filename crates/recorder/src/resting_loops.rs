//! Loops that count, and that threads are not made to hand over in for a while: it was in vain, so perhaps they compute.

use crate::log::{self, TICKS_PER_MS};

/// A loop that counts may be a computation after all: after others have run for so long in its place, as long turns as ever
/// are the thread's for as long.
pub const MOST_STARVED: u64 = 100 * TICKS_PER_MS;

/// A loop that counts and is left alone for a while, because to hand over there was in vain.
#[derive(Clone, Copy)]
struct Rest {
    address: u64,
    until: u64,
    /// Twice as long each time.
    length: u64,
}

const MOST_RESTS: usize = 16;
static mut RESTS: [Rest; MOST_RESTS] = [Rest {
    address: 0,
    until: 0,
    length: 0,
}; MOST_RESTS];

fn rests() -> &'static mut [Rest; MOST_RESTS] {
    // SAFETY: one thread at a time.
    unsafe { &mut *(&raw mut RESTS).cast() }
}

/// Leave a loop alone from now on, at least so long.
pub fn begin(address: u64, least: u64) {
    let now = log::time();
    let known = rests().iter().position(|rest| rest.address == address);
    let oldest = (0..MOST_RESTS).min_by_key(|&index| rests()[index].until);
    if let Some(index) = known.or(oldest) {
        let rest = &mut rests()[index];
        let before = if known.is_some() { rest.length } else { 0 };
        let length = (2 * before).clamp(TICKS_PER_MS, MOST_STARVED).max(least);
        *rest = Rest {
            address,
            until: now + length,
            length,
        };
    }
}

/// Whether a loop is left alone.
pub fn is_resting(address: u64) -> bool {
    let now = log::time();
    rests()
        .iter()
        .any(|rest| rest.address == address && now < rest.until)
}

/// To hand over in a loop was not in vain.
pub fn forget(address: u64) {
    for rest in rests().iter_mut() {
        if rest.address == address {
            rest.length = 0;
        }
    }
}
