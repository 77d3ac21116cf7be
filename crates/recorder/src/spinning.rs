//! Whether a thread computes, or spins: whether it waits in a loop without system calls for what another
//! thread is to store. None does while it has the token, so it is to be preempted at once.
//!
//! Those who wait for the token ask now and then ([`crate::patience`]); the running thread's signal
//! handler compares what it finds with what it found before. A wrong answer costs time and changes
//! nothing else. Three signs are accepted:
//!
//! * The processor's hint for such loops, `pause`, is near.
//! * The same few addresses with the same registers, vector registers and stack as at the time before:
//!   a loop that counts nothing.
//! * The same few addresses as at the time before, in a loop that looks at the same memory each time round and changes
//!   nothing but registers: it counts how long it waits.
//!
//! A loop that reads the clock, or calls `sched_yield`, makes events and is seen there.

use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::{CLOCK_GETTIME, PAGE};
use reenact_freestanding::syscall::syscall2;
use reenact_interpose::user_context::{UserContext, RIP, RSP};
use reenact_interpose::waiting_loop::{self, Sign};

use crate::log::{self, TICKS_PER_MS};
use crate::thread::{requested, Sample, Thread};
use crate::{guest, signal};

/// How far from each other two addresses of one loop are at most.
const LOOP: u64 = 128;
/// Bytes before and behind the interrupted instruction in which `pause` is looked for. It takes longer than
/// what is around it, so a loop that has one is mostly interrupted right behind it.
const NEAR: u64 = 32;
const PAUSE: [u8; 2] = [0xf3, 0x90];
/// Between two samples the thread has computed for at least so long.
const SOONEST_NS: u64 = 10_000;
/// How long a program counts as one whose threads spin after one was seen to.
const LATELY: u64 = 200 * TICKS_PER_MS;

/// When a thread of this process was last found spinning.
static LAST_FOUND: AtomicU64 = AtomicU64::new(0);

/// Whether a thread was found spinning a short time ago.
pub fn was_seen_lately() -> bool {
    let last = LAST_FOUND.load(Ordering::Relaxed);
    last != 0 && log::time().wrapping_sub(last) < LATELY
}

/// Whether the running thread, which is interrupted in the program's code, spins. `may_count` knows loops that count while
/// they wait.
pub fn is_seen(
    thread: &mut Thread,
    context: &UserContext,
    may_count: impl FnOnce(u64, Sign) -> bool,
) -> bool {
    let ip = context.general[RIP];
    let sample = Sample {
        event: log::next_event(),
        ip,
        state: state(context),
        computed: computed_ns(),
    };
    // Two questions can arrive at once, where processors are scarce: nothing has happened between them.
    if sample.computed.wrapping_sub(thread.sample.computed) < SOONEST_NS {
        thread.sign = Sign::Hint;
        return is_pause_near(ip);
    }
    let last = core::mem::replace(&mut thread.sample, sample);
    let stays = last.event == sample.event && last.ip.abs_diff(ip) < LOOP;
    let is_the_same = stays && last.state == sample.state;
    thread.sign = Sign::Hint;
    if is_the_same {
        thread.sign = Sign::Repeats;
    } else if stays && !is_pause_near(ip) {
        let [stack, base] = [context.general[RSP], context.general[RBP]];
        let frame = waiting_loop::frame_registers(stack, base);
        thread.sign = Sign::Counts { frame };
        return may_count(ip, thread.sign);
    }
    is_the_same || is_pause_near(ip)
}

/// How long the running thread has computed.
fn computed_ns() -> u64 {
    const THREAD_CPUTIME: u64 = 3;
    let mut time = [0u64; 2];
    // SAFETY: a timespec of ours.
    unsafe { syscall2(CLOCK_GETTIME, THREAD_CPUTIME, time.as_mut_ptr() as u64) };
    time[0].wrapping_mul(1_000_000_000).wrapping_add(time[1])
}

/// Whether the running thread, which spins, has done so for as long as it takes to describe where it is. Many loops
/// end by themselves, and their threads then sleep: where there is much memory that is the cheaper end.
pub fn has_lasted(thread: &mut Thread, ip: u64) -> bool {
    /// What is not worth waiting for.
    const CHEAP_NS: u64 = 500_000;
    const NS_PER_MS: u64 = 1_000_000;
    let (now, event) = (log::time(), log::next_event());
    let is_the_same =
        thread.spins_since_event == event && thread.spins_since_ip.abs_diff(ip) < LOOP;
    if !is_the_same {
        (thread.spins_since, thread.spins_since_event) = (now, event);
        thread.spins_since_ip = ip;
    }
    let cost = signal::last_landing_ns();
    let ticks = cost.saturating_mul(TICKS_PER_MS) / NS_PER_MS;
    cost < CHEAP_NS || now.wrapping_sub(thread.spins_since) > ticks
}

/// The thread is preempted, because it was found spinning at this address or for another reason.
pub fn note(thread: &mut Thread, spins_at: Option<u64>) {
    let Some(ip) = spins_at else {
        thread.spins = 0;
        return;
    };
    LAST_FOUND.store(log::time().max(1), Ordering::Relaxed);
    // Once more in vain, if it is where it was.
    let is_in_vain = thread.spins > 0 && thread.spins_at.abs_diff(ip) < LOOP;
    thread.spins = if is_in_vain { thread.spins + 1 } else { 1 };
    thread.spins_at = ip;
}

/// The thread has read the clock: if it does nothing else for some time, it yields.
pub fn count_clock_read(thread: &mut Thread) {
    /// Reads in succession at one place, and the time between two of them: as much as it costs us.
    const MANY: u32 = 100;
    const SOON: u64 = TICKS_PER_MS / 500;
    let (now, place) = (log::time(), thread.frame.registers.rip);
    let is_next = thread.clock_read_at == place && now.wrapping_sub(thread.clock_read_time) < SOON;
    thread.spins = 0;
    thread.clock_reads = if is_next { thread.clock_reads + 1 } else { 0 };
    (thread.clock_read_at, thread.clock_read_time) = (place, now);
    if thread.clock_reads == MANY {
        thread.clock_reads = 0;
        yield_at_event(thread);
    }
}

/// The thread polls, by a call: let others run behind it.
pub fn yield_at_event(thread: &mut Thread) {
    thread.spins = 1;
    thread.spins_at = thread.frame.registers.rip;
    thread
        .preemption_requested
        .fetch_or(requested::NOW, Ordering::Relaxed);
}

/// Whether the program's code has the hint around `ip`.
fn is_pause_near(ip: u64) -> bool {
    const SIZE: usize = 2 * NEAR as usize;
    // Within the page: a fault could not be caught in a signal handler.
    let page = ip & !(PAGE - 1);
    let start = ip.saturating_sub(NEAR).max(page);
    let end = (ip + NEAR).min(page + PAGE);
    let mut code = [0u8; SIZE];
    let code = &mut code[..(end - start) as usize];
    guest::read(start, code) && code.windows(2).any(|pair| pair == PAUSE)
}

/// A hash of all that a loop can count in: general registers, vector and x87 registers, the stack.
fn state(context: &UserContext) -> u64 {
    /// The registers of the area that FXSAVE describes, which every layout of it begins with: x87 registers at
    /// 32, the lower halves of vector registers to 416.
    const FXSAVE: (u64, usize) = (32, (416 - 32) / 8);
    let mut hash = Hash(0);
    for register in &context.general[..RIP] {
        hash.add(*register);
    }
    if context.fpstate != 0 {
        // SAFETY: the kernel's frame on our signal stack, with that area.
        let words = unsafe {
            core::slice::from_raw_parts((context.fpstate + FXSAVE.0) as *const u64, FXSAVE.1)
        };
        words.iter().for_each(|&word| hash.add(word));
    }
    let mut stack = [0u64; STACK as usize / 8];
    let (start, length) = stack_window(context.general[RSP], context.general[RBP]);
    // SAFETY: plain words as bytes.
    let bytes = unsafe {
        core::slice::from_raw_parts_mut(stack.as_mut_ptr().cast::<u8>(), length as usize)
    };
    if guest::read(start, bytes) {
        stack[..length as usize / 8]
            .iter()
            .for_each(|&word| hash.add(word));
    }
    hash.0
}

/// Most of the stack that is looked at.
const STACK: u64 = 2048;
/// Place of `rbp` in [`UserContext::general`].
const RBP: usize = 10;

/// Start and length of where a function's variables are: from the red zone on, within the page of the stack pointer,
/// which is there.
fn stack_window(rsp: u64, rbp: u64) -> (u64, u64) {
    const RED_ZONE: u64 = 128;
    const WITHOUT_FRAME: u64 = 512;
    let rsp = rsp & !7;
    let page = rsp & !(PAGE - 1);
    let start = rsp.saturating_sub(RED_ZONE).max(page);
    let frame = rbp.wrapping_sub(rsp);
    let wanted = if frame < PAGE { frame } else { WITHOUT_FRAME };
    let end = (rsp + (wanted & !7)).min(page + PAGE).min(start + STACK);
    (start, end.saturating_sub(start))
}

struct Hash(u64);

impl Hash {
    fn add(&mut self, word: u64) {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(GOLDEN);
    }
}
