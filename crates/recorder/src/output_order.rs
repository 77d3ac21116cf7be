//! The order of what several threads or processes write to the output that the recording began with.
//!
//! A replay puts it together from all of them, in the order of their numbers ([`reenact_trace::Tag::Sequence`]). Taken before
//! or behind the call a number says little: readers of a pipe run as soon as there is something in it, before its writer
//! has returned. So one writes at a time, and takes its number before the next one may.
//!
//! Nobody waits for a reader meanwhile: whoever would is made to wait before, without the lock. The lock is only about the
//! order, so it is taken over of a holder that keeps it too long, which was killed or stopped.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_syscalls::SystemCall;
use reenact_trace::arena::descriptor;

use crate::call::Call;
use crate::released::{direct, directly};
use crate::{arena, companions, scheduler, streams};

const FREE: u32 = 0;
const HELD: u32 = 1;
const WAITED_FOR: u32 = 2;
/// A wait for the lock, and the most of them: on a busy machine its holder may not run for long.
const WAIT_NS: u64 = 1_000_000;
const WAITS: u32 = 500;
/// What a pipe takes in one piece, if it takes anything (`PIPE_BUF`).
const PIECE: u64 = 4096;
const POLLOUT: u64 = 4;

/// Whether a call writes to such an output while others may, so little that it goes out in one piece.
#[inline(always)]
pub fn is_shared(call: &Call<'_>, entry: &SystemCall) -> bool {
    entry.content.gives_out() && call.number == WRITE && may_meet_others(call)
}

#[inline(never)]
fn may_meet_others(call: &Call<'_>) -> bool {
    let [file, _, length, ..] = call.args;
    let known = companions::descriptors()
        .get(file as u32 as usize)
        .map_or(0, |bits| bits.load(Ordering::Relaxed));
    length <= PIECE
        && streams::of(file, known) & (descriptor::STDOUT | descriptor::STDERR) != 0
        && (scheduler::is_shared() || arena::header().next_process.load(Ordering::Relaxed) > 1)
}

/// Make the call, and take a number for it. The raw result.
#[inline(never)]
pub fn write(call: &Call<'_>, args: &[u64; 6]) -> i64 {
    call.thread.output_number.store(0, Ordering::Relaxed);
    loop {
        lock();
        if !is_ready(args[0]) && waits(args[0]) {
            unlock();
            match wait_until_ready(call, args[0]) {
                1.. => continue,
                // A timeout of none: what cannot be waited for is not waited for.
                0 => return direct(call, args),
                error => return error,
            }
        }
        let result = direct(call, args);
        if result > 0 {
            let number = arena::header().sequence.fetch_add(1, Ordering::Relaxed);
            call.thread
                .output_number
                .store(number + 1, Ordering::Relaxed);
        }
        unlock();
        return result;
    }
}

/// The number that the thread's last call has taken.
pub fn take_number(taken: &AtomicU64) -> Option<u64> {
    taken.swap(0, Ordering::Relaxed).checked_sub(1)
}

fn request(file: u64) -> [u64; 1] {
    [u64::from(file as u32) | POLLOUT << 32]
}

/// What cannot be asked is ready: the call says why.
fn is_ready(file: u64) -> bool {
    let request = request(file);
    // SAFETY: a pollfd of ours; does not wait.
    unsafe { syscall3(POLL, request.as_ptr() as u64, 1, 0) != 0 }
}

fn waits(file: u64) -> bool {
    // SAFETY: asks for flags.
    unsafe { syscall3(FCNTL, file, F_GETFL, 0) as u64 & O_NONBLOCK == 0 }
}

fn wait_until_ready(call: &Call<'_>, file: u64) -> i64 {
    let request = request(file);
    directly(call, POLL, &[request.as_ptr() as u64, 1, u64::MAX, 0, 0, 0])
}

fn word() -> &'static AtomicU32 {
    &arena::header().output_lock
}

fn lock() {
    let word = word();
    if word
        .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
    {
        return;
    }
    let timeout = [0u64, WAIT_NS];
    let mut in_vain = 0;
    // Others may be faster time and again; only a holder that does not let go is robbed.
    while word.swap(WAITED_FOR, Ordering::Acquire) != FREE && in_vain < WAITS {
        let address = core::ptr::from_ref(word) as u64;
        // SAFETY: a futex word in shared memory and a timespec of ours.
        let result = unsafe {
            syscall4(
                FUTEX,
                address,
                FUTEX_WAIT,
                u64::from(WAITED_FOR),
                timeout.as_ptr() as u64,
            )
        };
        if result == -ETIMEDOUT {
            in_vain += 1;
        }
    }
}

fn unlock() {
    let word = word();
    if word.swap(FREE, Ordering::Release) == WAITED_FOR {
        // SAFETY: a futex word in shared memory.
        unsafe { syscall3(FUTEX, core::ptr::from_ref(word) as u64, FUTEX_WAKE, 1) };
    }
}
