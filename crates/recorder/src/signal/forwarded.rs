//! Signals that `reenact record` gets and passes on to the program. A signal to a whole process group reaches
//! the program twice: directly, and passed on. Without `reenact` it would have come once, so the
//! second is dropped.

use core::sync::atomic::{AtomicU64, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::CLOCK_GETTIME;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::arena::FORWARDED;

use crate::thread::QueuedSignal;

/// SIGHUP, SIGUSR1, SIGUSR2, SIGTERM: what is passed on.
const NUMBERS: [u32; 4] = [1, 10, 12, 15];
/// The one that is passed on comes within this time after the other, milliseconds; it hardly ever comes first,
/// as the kernel sends to all of a group at once.
const LONGEST_WAY: u64 = 100;
const LONGEST_HEAD_START: u64 = 5;

const SI_USER: i32 = numbers::SI_USER as i32;
const SI_QUEUE: i32 = numbers::SI_QUEUE as i32;

/// Of each number the last one: sender, time, and whether it was passed on.
static LAST: [AtomicU64; NUMBERS.len()] = [const { AtomicU64::new(0) }; NUMBERS.len()];

/// Whether this is the second of two that are one signal, sent to a group. One that was passed on gets
/// the information that it was sent with.
pub fn is_second(signal: &mut QueuedSignal) -> bool {
    let Some(index) = NUMBERS.iter().position(|&known| known == signal.number) else {
        return false;
    };
    let [_, code, sender, value, ..] = &mut signal.info;
    let passed_on = *code as u32 as i32 == SI_QUEUE && *value == FORWARDED;
    if passed_on {
        *code &= !0xffff_ffff;
        *value = 0;
    } else if *code as u32 as i32 != SI_USER {
        return false;
    }
    let now = milliseconds() & 0x3fff_ffff;
    let this = *sender << 32 | now << 2 | u64::from(passed_on) << 1 | 1;
    let last = LAST[index].swap(this, Ordering::Relaxed);
    let between = now.wrapping_sub(last >> 2 & 0x3fff_ffff);
    let most = if passed_on {
        LONGEST_WAY
    } else {
        LONGEST_HEAD_START
    };
    let is_second =
        last & 1 != 0 && last >> 32 == this >> 32 && (last ^ this) & 2 != 0 && between <= most;
    if is_second {
        LAST[index].store(0, Ordering::Relaxed);
    }
    is_second
}

fn milliseconds() -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: a timespec of ours.
    unsafe {
        syscall2(
            CLOCK_GETTIME,
            numbers::CLOCK_MONOTONIC,
            time.as_mut_ptr() as u64,
        )
    };
    time[0].wrapping_mul(1000).wrapping_add(time[1] / 1_000_000)
}
