//! Calls that may wait, when there are several threads: others run meanwhile, and the kernel must
//! not write to the program's memory behind their backs. Calls on descriptors wait until there is
//! something to read and read it when the thread has the token again; others get their outputs in
//! scratch memory, copied afterwards.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall3;
use reenact_syscalls::SystemCall;

use crate::call::Call;
use crate::entry::{self, NOT_BEGUN};
use crate::released::{apart, direct, was_preempted};
use crate::{guest, priority_lock, scheduler, wake_ups};

const POLL: u64 = 7;
const SELECT: u64 = 23;
const NANOSLEEP: u64 = 35;
const ACCEPT: u64 = 43;
const RECVFROM: u64 = 45;
const RECVMSG: u64 = 47;
const MSGRCV: u64 = 70;
const MQ_TIMEDRECEIVE: u64 = 243;
const SCHED_YIELD: u64 = 24;
const CLOCK_NANOSLEEP: u64 = 230;
const EPOLL_WAIT: u64 = 232;
const PSELECT6: u64 = 270;
const PPOLL: u64 = 271;
const EPOLL_PWAIT: u64 = 281;
const ACCEPT4: u64 = 288;
const RECVMMSG: u64 = 299;
const PREADV2: u64 = 327;
const EPOLL_PWAIT2: u64 = 441;

/// Bytes of scratch memory: on the recorder's stack, so that it needs no management.
const SCRATCH: usize = 48 * 1024;

/// How a call is made while others run.
enum Manner {
    /// It writes nothing to the program's memory, or only what cannot be seen too early.
    Directly,
    /// Wait until its descriptor (argument 0) is readable, then make it with the token.
    WhenReadable,
    /// Some arguments point to memory that the kernel reads or writes: argument, bytes.
    Scratch([(usize, u64); 4]),
    /// See [`crate::priority_lock`].
    PriorityLock,
    /// It does not wait in practice, or its outputs are of unknown size: keep the token.
    WithToken,
}

const NOTHING: (usize, u64) = (0, 0);

fn manner(call: &Call<'_>, entry: &SystemCall) -> Manner {
    if !entry.may_block {
        return Manner::WithToken;
    }
    let [first, second, third, ..] = call.args;
    match call.number {
        READ | READV | RECVFROM | RECVMSG | RECVMMSG | ACCEPT | ACCEPT4 | PREADV2 => {
            Manner::WhenReadable
        }
        POLL | PPOLL => Manner::Scratch([(0, second.saturating_mul(8)), NOTHING, NOTHING, NOTHING]),
        SELECT | PSELECT6 => {
            let set = first.min(1 << 16).div_ceil(64) * 8;
            Manner::Scratch([(1, set), (2, set), (3, set), (4, 16)])
        }
        EPOLL_WAIT | EPOLL_PWAIT | EPOLL_PWAIT2 => {
            Manner::Scratch([(1, third.saturating_mul(12)), NOTHING, NOTHING, NOTHING])
        }
        NANOSLEEP => Manner::Scratch([(1, 16), NOTHING, NOTHING, NOTHING]),
        CLOCK_NANOSLEEP => Manner::Scratch([(3, 16), NOTHING, NOTHING, NOTHING]),
        WAIT4 => Manner::Scratch([(1, 4), (3, 144), NOTHING, NOTHING]),
        WAITID => Manner::Scratch([(2, 128), (4, 144), NOTHING, NOTHING]),
        MSGRCV => Manner::Scratch([(1, third.saturating_add(8)), NOTHING, NOTHING, NOTHING]),
        MQ_TIMEDRECEIVE => Manner::Scratch([(1, third), (3, 4), NOTHING, NOTHING]),
        RT_SIGTIMEDWAIT => Manner::Scratch([(1, 128), NOTHING, NOTHING, NOTHING]),
        FUTEX if matches!(second & 0x7f, 1 | 3 | 4 | 5 | 7 | 8 | 10 | 12) => Manner::WithToken,
        FUTEX if priority_lock::takes(second) => Manner::PriorityLock,
        FUTEX => Manner::Directly,
        _ if entry.outputs.is_empty() => Manner::Directly,
        _ => Manner::WithToken,
    }
}

/// Make the call, others running while it waits. The raw result, or [`NOT_BEGUN`].
#[inline(never)]
pub fn perform(call: &mut Call<'_>, entry: &SystemCall, args: &[u64; 6]) -> i64 {
    match manner(call, entry) {
        Manner::WithToken => with_token(call, args),
        Manner::Directly => apart(call, |call| direct(call, args)),
        Manner::PriorityLock => priority_lock::lock(call, args),
        Manner::WhenReadable => when_readable(call, args),
        Manner::Scratch(buffers) => with_scratch(call, args, &buffers),
    }
}

/// A call that should not wait. If it does, and others have asked for the token, they have it before
/// the call is made once more.
fn with_token(call: &mut Call<'_>, args: &[u64; 6]) -> i64 {
    if call.number == SCHED_YIELD && scheduler::somebody_waits() {
        // Done at the end of the call. The kernel knows nothing of who waits for the token.
        call.thread.preemption_requested.store(1, Ordering::Relaxed);
        return 0;
    }
    loop {
        let result = direct(call, args);
        if call.number == FUTEX {
            wake_ups::after_futex(call.thread, args, result);
        }
        if result != -EINTR || !was_preempted(call) {
            return result;
        }
        apart(call, |_| 0);
    }
}

#[inline(never)]
fn when_readable(call: &mut Call<'_>, args: &[u64; 6]) -> i64 {
    const POLLIN: u64 = 1;
    const F_GETFL: u64 = 3;
    const O_NONBLOCK: i64 = 0o4000;
    const MSG_DONTWAIT: u64 = 0x40;
    let descriptor = u64::from(args[0] as u32) | POLLIN << 32;
    let mut request = [descriptor];
    // SAFETY: a pollfd of ours; asks without waiting.
    let ready = unsafe { syscall3(POLL, request.as_ptr() as u64, 1, 0) } != 0;
    // SAFETY: asks for flags.
    let nonblocking = || unsafe { syscall3(FCNTL, args[0], F_GETFL, 0) } & O_NONBLOCK != 0;
    let asked_not_to_wait = match call.number {
        RECVFROM | RECVMMSG => args[3] & MSG_DONTWAIT != 0,
        RECVMSG => args[2] & MSG_DONTWAIT != 0,
        _ => false,
    };
    if ready || asked_not_to_wait || nonblocking() {
        return with_token(call, args);
    }
    let waited = apart(call, |call| {
        request[0] = descriptor;
        let wait = [request.as_ptr() as u64, 1, u64::MAX, 0, 0, 0];
        // SAFETY: a pollfd of ours.
        unsafe { entry::interruptible(POLL, &wait, call.thread.queued.as_ptr()) }
    });
    if waited == NOT_BEGUN || waited == -EINTR {
        return waited;
    }
    with_token(call, args)
}

#[inline(never)]
fn with_scratch(call: &mut Call<'_>, args: &[u64; 6], buffers: &[(usize, u64); 4]) -> i64 {
    let mut scratch = [0u64; SCRATCH / 8];
    let base = scratch.as_mut_ptr() as u64;
    let mut used = 0;
    let mut ours = *args;
    for &(index, length) in buffers {
        let program = args[index];
        if length == 0 || program == 0 {
            continue;
        }
        let room = (length + 7) & !7;
        if used + room > SCRATCH as u64 {
            return with_token(call, args);
        }
        let at = base + used;
        // SAFETY: inside the scratch memory.
        let into = unsafe { core::slice::from_raw_parts_mut(at as *mut u8, length as usize) };
        if !guest::read(program, into) {
            // Let the kernel say EFAULT.
            return with_token(call, args);
        }
        ours[index] = at;
        used += room;
    }
    let result = apart(call, |call| direct(call, &ours));
    if result == NOT_BEGUN {
        return result;
    }
    for &(index, length) in buffers {
        if length == 0 || args[index] == 0 {
            continue;
        }
        // SAFETY: inside the scratch memory.
        let bytes =
            unsafe { core::slice::from_raw_parts(ours[index] as *const u8, length as usize) };
        guest::write(args[index], bytes);
    }
    result
}
