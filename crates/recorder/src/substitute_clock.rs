//! The time-stamp counter where we may not read it: as near as the kernel's clock tells.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::CLOCK_GETTIME;
use reenact_freestanding::syscall::syscall2;

use crate::arena;

const CLOCK_REALTIME: u64 = 0;
const CLOCK_MONOTONIC: u64 = 1;
/// Fractional bits of the number of ticks in a nanosecond.
const FRACTION: u32 = 20;
/// Ticks in a nanosecond of processors that there are.
const SLOWEST: u64 = (1 << FRACTION) / 4;
const FASTEST: u64 = 20 << FRACTION;
const USUAL: u64 = 5 << (FRACTION - 1);

/// The counter and the clock at one moment, and how fast the counter counts.
static COUNTER: AtomicU64 = AtomicU64::new(0);
static NANOSECONDS: AtomicU64 = AtomicU64::new(0);
static RATE: AtomicU64 = AtomicU64::new(USUAL);

fn clock(number: u64) -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(CLOCK_GETTIME, number, time.as_mut_ptr() as u64) };
    time[0].wrapping_mul(1_000_000_000).wrapping_add(time[1])
}

/// The counter is `counter` now.
pub fn set(counter: u64) {
    let header = arena::header();
    let ticks = u128::from(counter.wrapping_sub(header.started_counter)) << FRACTION;
    let passed = clock(CLOCK_REALTIME).wrapping_sub(header.started_ns);
    let rate = ticks.checked_div(passed.into()).unwrap_or(0);
    let is_likely = (u128::from(SLOWEST)..u128::from(FASTEST)).contains(&rate);
    // Somebody has set the clock.
    RATE.store(
        if is_likely { rate as u64 } else { USUAL },
        Ordering::Relaxed,
    );
    NANOSECONDS.store(clock(CLOCK_MONOTONIC), Ordering::Relaxed);
    COUNTER.store(counter, Ordering::Relaxed);
}

/// What the counter is now.
pub fn counter() -> u64 {
    let passed = clock(CLOCK_MONOTONIC).wrapping_sub(NANOSECONDS.load(Ordering::Relaxed));
    let ticks = (u128::from(passed) * u128::from(RATE.load(Ordering::Relaxed))) >> FRACTION;
    COUNTER.load(Ordering::Relaxed).wrapping_add(ticks as u64)
}
