//! Waiting for completions: `io_getevents`, `io_pgetevents`.

use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall2, syscall4};
use reenact_interpose::interruptible::{self, NOT_BEGUN};

use super::ring;
use crate::call::{Call, Outcome};
use crate::released::while_released;
use crate::{guest, scheduler, signal};

/// Changes whenever there are new completions, or a context is destroyed. A futex.
static COMPLETED: AtomicU32 = AtomicU32::new(0);

/// There are new completions, or a context less.
pub fn wake() {
    COMPLETED.fetch_add(1, Ordering::Relaxed);
    let word = COMPLETED.as_ptr() as u64;
    // SAFETY: a futex word of ours.
    unsafe { syscall4(FUTEX, word, FUTEX_WAKE_PRIVATE, i32::MAX as u64, 0) };
}

fn now() -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(CLOCK_GETTIME, CLOCK_MONOTONIC, time.as_mut_ptr() as u64) };
    nanoseconds(time)
}

fn nanoseconds([seconds, part]: [u64; 2]) -> u64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(part)
}

/// Until when to wait; `None`: for ever. -errno.
fn deadline(timeout: u64) -> Result<Option<u64>, i64> {
    if timeout == 0 {
        return Ok(None);
    }
    let (Some(seconds), Some(part)) = (
        guest::read_u64(timeout),
        guest::read_u64(timeout.wrapping_add(8)),
    ) else {
        return Err(-EFAULT);
    };
    let is_past = (seconds as i64) < 0;
    let length = if is_past {
        0
    } else {
        nanoseconds([seconds, part])
    };
    Ok(Some(now().saturating_add(length)))
}

/// The mask that holds while `io_pgetevents` waits; -errno.
fn temporary_mask(call: &Call<'_>) -> Result<Option<u64>, i64> {
    let place = call.args[5];
    if call.number != numbers::IO_PGETEVENTS || place == 0 {
        return Ok(None);
    }
    let (Some(mask), Some(size)) = (
        guest::read_u64(place),
        guest::read_u64(place.wrapping_add(8)),
    ) else {
        return Err(-EFAULT);
    };
    match (mask, size) {
        (0, _) => Ok(None),
        (_, 8) => guest::read_u64(mask).map(Some).ok_or(-EFAULT),
        _ => Err(-EINVAL),
    }
}

/// `io_getevents(context, least, most, events, timeout)`, and with a mask.
pub fn events(call: &mut Call<'_>) -> Outcome {
    let asked = deadline(call.args[4]).and_then(|until| Ok((until, temporary_mask(call)?)));
    let (until, mask) = match asked {
        Ok(asked) => asked,
        Err(error) => return Outcome::Done(error),
    };
    let Some(mask) = mask else {
        return collect(call, until, false);
    };
    signal::hand_over(call.thread);
    signal::set_exact_kernel_mask(mask & !signal::never_blocked());
    let outcome = collect(call, until, true);
    signal::set_kernel_mask(call.thread);
    outcome
}

/// `is_masked`: a signal that comes now may be one that is blocked otherwise, and ends the call.
fn collect(call: &mut Call<'_>, until: Option<u64>, is_masked: bool) -> Outcome {
    let [context, least, most, to, ..] = call.args;
    loop {
        // Another thread may destroy it meanwhile.
        let Some(ring) = ring::find(context) else {
            return Outcome::Done(-EINVAL);
        };
        if least as i64 > most as i64 || (least as i64) < 0 {
            return Outcome::Done(-EINVAL);
        }
        let is_enough = u64::from(ring.waiting()) >= least;
        let left = until.map_or(u64::MAX, |until| until.saturating_sub(now()));
        if is_enough || left == 0 {
            return Outcome::Done(ring.take(most, to, &mut call.event));
        }
        match sleep(call, left) {
            NOT_BEGUN if !is_masked => return Outcome::Interrupted,
            result if result == -EINTR || result == NOT_BEGUN => {
                let taken =
                    ring::find(context).map_or(0, |ring| ring.take(most, to, &mut call.event));
                return Outcome::Done(if taken == 0 { -EINTR } else { taken });
            }
            _ => {}
        }
    }
}

/// Wait for completions of others, for so many nanoseconds.
fn sleep(call: &mut Call<'_>, left: u64) -> i64 {
    let seen = u64::from(COMPLETED.load(Ordering::Relaxed));
    let time = [left / 1_000_000_000, left % 1_000_000_000];
    let time = if left == u64::MAX {
        0
    } else {
        time.as_ptr() as u64
    };
    let args = [
        COMPLETED.as_ptr() as u64,
        FUTEX_WAIT_PRIVATE,
        seen,
        time,
        0,
        0,
    ];
    // SAFETY: a futex word and a timespec of ours.
    let wait =
        |call: &Call<'_>| unsafe { interruptible::call(FUTEX, &args, call.thread.queued.as_ptr()) };
    if scheduler::is_shared() && !call.thread.vfork_child {
        while_released(call, wait)
    } else {
        wait(call)
    }
}
