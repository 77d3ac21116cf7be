//! Calls that give out bytes while other threads run, when one of those ends the process: what others have seen, or
//! are about to see, is in the log before the end.
//!
//! The thread that ends the process holds the token. It lets those go on that have returned from such a call, so that
//! they log it, and interrupts those that are still in the kernel: it tells how much it has taken, or that it has
//! taken nothing, which needs no event.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers::{EINTR, GETPID, NANOSLEEP};
use reenact_freestanding::syscall::{syscall0, syscall2};

use crate::call::Call;
use crate::released::{direct, while_released};
use crate::signal::preemption::{self, Kind};
use crate::thread::{self, Thread};
use crate::{output_order, scheduler, signal};
use reenact_syscalls::SystemCall;

/// Threads in such calls whose events are not in the log: how many, and a bit for the index of each.
static GIVING: AtomicU32 = AtomicU32::new(0);
static WHICH: [AtomicU64; thread::MOST.div_ceil(64)] =
    [const { AtomicU64::new(0) }; thread::MOST.div_ceil(64)];
/// The process is about to end.
static ENDS: AtomicBool = AtomicBool::new(false);
/// How long those who are waited for run at once.
const ROUND_NS: u64 = 1_000_000;
/// Rounds; a call that cannot be interrupted is not waited for longer.
const ROUNDS: u32 = 2000;

/// Make a call that gives out bytes, others running meanwhile. The raw result.
pub fn perform(call: &mut Call<'_>, entry: &SystemCall, args: &[u64; 6]) -> i64 {
    let make = if output_order::is_shared(call, entry) {
        output_order::write
    } else {
        direct
    };
    if call.thread.vfork_child || call.thread.companion {
        return while_released(call, |call| make(call, args));
    }
    begin(call.thread);
    let result = while_released(call, |call| loop {
        if ENDS.load(Ordering::Acquire) {
            // Nothing has gone out, and nothing will.
            settle(call.thread);
            while ENDS.load(Ordering::Acquire) {
                sleep();
            }
            begin(call.thread);
        }
        let result = make(call, args);
        let is_asked = result == -EINTR && ENDS.load(Ordering::Acquire);
        if !is_asked || signal::queued(call.thread) {
            return result;
        }
    });
    settle(call.thread);
    result
}

fn place(thread: &Thread) -> (&'static AtomicU64, u64) {
    (&WHICH[thread.index as usize / 64], 1 << (thread.index % 64))
}

fn begin(thread: &Thread) {
    let (word, bit) = place(thread);
    word.fetch_or(bit, Ordering::AcqRel);
    GIVING.fetch_add(1, Ordering::AcqRel);
}

fn settle(thread: &Thread) {
    let (word, bit) = place(thread);
    word.fetch_and(!bit, Ordering::AcqRel);
    GIVING.fetch_sub(1, Ordering::AcqRel);
}

/// Interrupt those that are in the kernel.
fn interrupt_all() {
    // SAFETY: no effect.
    let own = unsafe { syscall0(GETPID) } as u32;
    for (at, word) in WHICH.iter().enumerate() {
        let mut bits = word.load(Ordering::Acquire);
        while bits != 0 {
            let index = at as u32 * 64 + bits.trailing_zeros();
            bits &= bits - 1;
            let other = thread::of_index(index);
            if other.waits.load(Ordering::Relaxed) == 0 {
                preemption::request(own, other.tid, Kind::Now);
            }
        }
    }
}

fn sleep() {
    let time = [0, ROUND_NS];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(NANOSLEEP, time.as_ptr() as u64, 0) };
}

/// The thread is about to end the process. `place` logs where it stands, if the last event does not say it.
pub fn log_all(thread: &mut Thread, place: impl FnOnce()) {
    if GIVING.load(Ordering::Acquire) != 0 && !thread.vfork_child && !thread.companion {
        place();
        let_all_end(thread);
    }
}

#[cold]
#[inline(never)]
fn let_all_end(thread: &mut Thread) {
    ENDS.store(true, Ordering::Release);
    for round in 0..ROUNDS {
        // Most have all but returned.
        if round > 0 {
            interrupt_all();
        }
        scheduler::let_others_run(thread, sleep);
        if GIVING.load(Ordering::Acquire) == 0 {
            return;
        }
    }
}

/// The process has not ended after all.
pub fn goes_on() {
    ENDS.store(false, Ordering::Release);
}

/// In a forked child, which has none of the other threads.
pub fn after_fork() {
    GIVING.store(0, Ordering::Relaxed);
    ENDS.store(false, Ordering::Relaxed);
    for word in &WHICH {
        word.store(0, Ordering::Relaxed);
    }
}
