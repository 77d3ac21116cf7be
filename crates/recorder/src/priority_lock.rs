//! Locks with priority inheritance (`futex` operations LOCK_PI and LOCK_PI2), when there are several threads.
//!
//! The kernel gives such a lock to a waiter by writing its word, also from the waiter, when that wakes
//! (fixup_pi_state_owner of kernel/futex/pi.c): at any time, while others run. So nobody waits in the
//! kernel: with the token a thread tries, which writes the word at a place the log knows, and marks it so
//! that its owner's unlocking is a call, too. Without the token it waits until the word is another one.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;

use crate::call::Call;
use crate::guest;
use crate::released::{direct, while_released};
use reenact_interpose::interruptible::{self, NOT_BEGUN};

const TRYLOCK_PI: u64 = 8;
const LOCK_PI2: u64 = 13;
const PRIVATE: u64 = 128;
const REALTIME: u64 = 256;
const NANOSLEEP: u64 = 35;

const TID_MASK: u32 = 0x3fff_ffff;
const OWNER_DIED: u32 = 0x4000_0000;
const WAITERS: u32 = 0x8000_0000;

/// Between two looks at a word, nanoseconds.
const SHORTEST_PAUSE: u64 = 20_000;
const LONGEST_PAUSE: u64 = 500_000;

/// Take the lock. The raw result, or [`NOT_BEGUN`] when a signal comes first: the kernel begins this call
/// again, whatever the handler's flags (ERESTARTNOINTR).
#[inline(never)]
pub fn lock(call: &mut Call<'_>, args: &[u64; 6]) -> i64 {
    let end = match deadline(args) {
        Ok(end) => end,
        Err(error) => return error,
    };
    let address = args[0];
    let attempt = [address, args[1] & PRIVATE | TRYLOCK_PI, 0, 0, 0, 0];
    let mut has_waited = false;
    loop {
        let before = word(address);
        let result = direct(call, &attempt);
        if result == -ESRCH && has_waited {
            return inherit(call, address);
        }
        if result != -EAGAIN {
            return result;
        }
        has_waited = true;
        let seen = word(address);
        if seen != before {
            // The mark of those who wait.
            call.event.guest_memory(address, 4);
        }
        if end.is_some_and(Deadline::is_over) {
            return -numbers::ETIMEDOUT;
        }
        let waited = while_released(call, |call| wait_for_change(call, address, seen, end));
        if waited == NOT_BEGUN || waited == -EINTR {
            return NOT_BEGUN;
        }
    }
}

/// The owner has ended without unlocking while we waited: then the kernel gives the lock to a waiter. (Whoever
/// comes later is told ESRCH.)
fn inherit(call: &mut Call<'_>, address: u64) -> i64 {
    let new = call.thread.tid | WAITERS | OWNER_DIED;
    if !guest::write(address, &new.to_le_bytes()) {
        return -EFAULT;
    }
    call.event.guest_memory(address, 4);
    0
}

/// Whether the thread that has a lock has ended.
fn is_abandoned(seen: Option<u32>) -> bool {
    let owner = seen.unwrap_or(0) & TID_MASK;
    // SAFETY: signal 0 only asks whether the thread exists.
    owner != 0 && unsafe { syscall2(numbers::TKILL, u64::from(owner), 0) } == -ESRCH
}

fn word(address: u64) -> Option<u32> {
    let mut bytes = [0u8; 4];
    guest::read(address, &mut bytes).then(|| u32::from_le_bytes(bytes))
}

/// Sleep until the word is not `seen` any more, or the time is over.
fn wait_for_change(call: &Call<'_>, address: u64, seen: Option<u32>, end: Option<Deadline>) -> i64 {
    let mut pause = SHORTEST_PAUSE;
    while word(address) == seen && !is_abandoned(seen) && !end.is_some_and(Deadline::is_over) {
        let time = [0u64, pause];
        let sleep = [time.as_ptr() as u64, 0, 0, 0, 0, 0];
        // SAFETY: a timespec of ours.
        let result = unsafe { interruptible::call(NANOSLEEP, &sleep, call.thread.queued.as_ptr()) };
        if result != 0 {
            return result;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    0
}

/// When a waiter gives up: clock, seconds, nanoseconds.
#[derive(Clone, Copy)]
struct Deadline(u64, [i64; 2]);

impl Deadline {
    fn is_over(self) -> bool {
        let mut now = [0i64; 2];
        // SAFETY: a timespec of ours.
        unsafe { syscall2(CLOCK_GETTIME, self.0, now.as_mut_ptr() as u64) };
        now >= self.1
    }
}

/// The fourth argument; LOCK_PI counts by the real-time clock, LOCK_PI2 only when told to.
fn deadline(args: &[u64; 6]) -> Result<Option<Deadline>, i64> {
    if args[3] == 0 {
        return Ok(None);
    }
    let seconds = guest::read_u64(args[3]).ok_or(-EFAULT)? as i64;
    let nanoseconds = guest::read_u64(args[3].wrapping_add(8)).ok_or(-EFAULT)? as i64;
    if seconds < 0 || !(0..1_000_000_000).contains(&nanoseconds) {
        return Err(-EINVAL);
    }
    let is_monotonic = args[1] & 0x7f == LOCK_PI2 && args[1] & REALTIME == 0;
    let clock = if is_monotonic {
        numbers::CLOCK_MONOTONIC
    } else {
        numbers::CLOCK_REALTIME
    };
    Ok(Some(Deadline(clock, [seconds, nanoseconds])))
}
