//! Calls that give up waiting by themselves, because their socket or terminal was told so: whoever waits
//! for the descriptor in their place has to do the same.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall5};

const SECOND_NS: i64 = 1_000_000_000;

/// When a call gives up, and what it returns then.
#[derive(Clone, Copy)]
pub struct WaitLimit {
    /// By the monotonic clock, nanoseconds.
    end: i64,
    pub result: i64,
}

impl WaitLimit {
    /// That of a call that begins now to wait until it can read from a descriptor.
    pub fn of_reading(descriptor: u64) -> Option<WaitLimit> {
        let (time, result) = socket(descriptor).or_else(|| terminal(descriptor))?;
        Some(WaitLimit {
            end: now().saturating_add(time),
            result,
        })
    }

    /// What is left, as `poll` takes it: milliseconds, not too few.
    pub fn left(self) -> u64 {
        const MILLISECOND: i64 = 1_000_000;
        let left = (self.end - now()).max(0);
        (left as u64)
            .div_ceil(MILLISECOND as u64)
            .min(i32::MAX as u64)
    }
}

fn now() -> i64 {
    let mut time = [0i64; 2];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(CLOCK_GETTIME, CLOCK_MONOTONIC, time.as_mut_ptr() as u64) };
    time[0] * SECOND_NS + time[1]
}

/// SO_RCVTIMEO: nanoseconds, and the error. Zero means that there is no limit.
fn socket(descriptor: u64) -> Option<(i64, i64)> {
    const SO_RCVTIMEO: u64 = 20;
    let mut time = [0i64; 2];
    let mut size = size_of_val(&time) as u32;
    // SAFETY: a timeval of ours, and its size.
    let result = unsafe {
        let (time, size) = (time.as_mut_ptr() as u64, &raw mut size as u64);
        syscall5(GETSOCKOPT, descriptor, SOL_SOCKET, SO_RCVTIMEO, time, size)
    };
    let [seconds, microseconds] = time;
    let limit = seconds
        .saturating_mul(SECOND_NS)
        .saturating_add(microseconds.saturating_mul(1000));
    (result == 0 && limit > 0).then_some((limit, -EAGAIN))
}

/// A terminal that is not read by lines gives up after `VTIME` tenths of a second when it needs not read
/// anything (`VMIN` is 0): end of file.
fn terminal(descriptor: u64) -> Option<(i64, i64)> {
    const TCGETS: u64 = 0x5401;
    const ICANON: u32 = 2;
    // struct termios of the kernel: four words of flags, of which the last is c_lflag; c_line, c_cc.
    const LOCAL_FLAGS: usize = 12;
    const CONTROL: usize = 17;
    const VTIME: usize = 5;
    const VMIN: usize = 6;
    let mut settings = [0u8; 36];
    // SAFETY: a struct termios of ours.
    let result = unsafe { syscall3(IOCTL, descriptor, TCGETS, settings.as_mut_ptr() as u64) };
    let flags = settings[LOCAL_FLAGS..]
        .first_chunk()
        .map_or(ICANON, |bytes| u32::from_le_bytes(*bytes));
    let gives_up = result == 0 && flags & ICANON == 0 && settings[CONTROL + VMIN] == 0;
    let tenths = i64::from(settings[CONTROL + VTIME]);
    gives_up.then_some((tenths * (SECOND_NS / 10), 0))
}
