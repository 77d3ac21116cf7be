//! Calls that may wait, when there are several threads: others run meanwhile, and the kernel must
//! not write to the program's memory behind their backs. How each call waits is said by its row.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall3;
use reenact_interpose::interruptible::{self, NOT_BEGUN};
use reenact_syscalls::{
    fcntl, futex_operation, ioctl, Before, ForAll, FutexWait, Readiness, SystemCall, Wait,
};

use crate::call::Call;
use crate::released::{direct, was_preempted, while_released};
use crate::scratch::{CopyBack, Scratch};
use crate::wait_limit::WaitLimit;
use crate::{last_outputs, priority_lock, wake_ups};

/// Make the call, others running while it waits. The raw result, or [`NOT_BEGUN`].
#[inline(never)]
pub fn perform(
    call: &mut Call<'_>,
    entry: &SystemCall,
    args: &[u64; 6],
    changes_mapped_file: bool,
) -> i64 {
    // What others saw of that while it lasts, the log would not know. Such a file never keeps anybody waiting for
    // others.
    if changes_mapped_file {
        return with_turn(call, args);
    }
    let directly = match entry.wait {
        Wait::Never | Wait::WithTurn(_) => false,
        Wait::Directly => true,
        Wait::UntilReady(readiness) => return until_ready(call, entry, args, &readiness),
        Wait::Scratch => {
            return in_scratch(call, entry, args).unwrap_or_else(|| with_turn(call, args))
        }
        Wait::Futex => return futex(call, args),
        Wait::Fcntl => fcntl(args[1] as u32).is_ok_and(|command| command.may_block),
        Wait::Ioctl => ioctl(args[1] as u32).is_ok_and(|request| request.may_block),
    };
    if directly && entry.content.gives_out() {
        last_outputs::perform(call, entry, args)
    } else if directly {
        while_released(call, |call| direct(call, args))
    } else {
        with_turn(call, args)
    }
}

/// A call that should not wait. If it does, and others have asked for the turn, they have it before
/// the call is made once more.
fn with_turn(call: &mut Call<'_>, args: &[u64; 6]) -> i64 {
    loop {
        let result = direct(call, args);
        if result != -EINTR || !was_preempted(call) {
            return result;
        }
        while_released(call, |_| 0);
    }
}

fn futex(call: &mut Call<'_>, args: &[u64; 6]) -> i64 {
    let Some(operation) = futex_operation(args[1]) else {
        return with_turn(call, args);
    };
    match operation.wait {
        FutexWait::Directly => while_released(call, |call| direct(call, args)),
        FutexWait::PriorityLock => priority_lock::lock(call, args),
        FutexWait::Never => {
            let result = with_turn(call, args);
            if operation.wakes {
                wake_ups::after_waking(call.thread, args[0], result);
            }
            result
        }
    }
}

#[inline(never)]
fn until_ready(
    call: &mut Call<'_>,
    entry: &SystemCall,
    args: &[u64; 6],
    readiness: &Readiness,
) -> i64 {
    let says = |said: Option<(u8, u64)>| {
        said.is_some_and(|(argument, bits)| args[usize::from(argument)] & bits != 0)
    };
    let file = args[usize::from(readiness.descriptor)];
    // SAFETY: asks for flags.
    let nonblocking = || unsafe { syscall3(FCNTL, file, F_GETFL, 0) } & (O_NONBLOCK as i64) != 0;
    let waits_for_all = match readiness.for_all {
        ForAll::Never => false,
        ForAll::If(argument, bits) => says(Some((argument, bits))),
        ForAll::Unless(argument, bits) => !says(Some((argument, bits))),
    };
    if waits_for_all && !says(readiness.unless) && !nonblocking() {
        if let Some(result) = in_scratch(call, entry, args) {
            return result;
        }
    }
    let mut limit = None;
    loop {
        if poll(call, file, readiness, 0) != 0 {
            // With the turn, no other thread can take what is there. Should another process do so, the call
            // waits, and whoever wants the turn has it before this one waits again.
            let result = direct(call, args);
            if result != -EINTR || !was_preempted(call) {
                return result;
            }
        } else if says(readiness.unless) || nonblocking() {
            return with_turn(call, args);
        }
        if limit.is_none() {
            limit = Some(WaitLimit::of_reading(file));
        }
        let limit = limit.flatten();
        let waited = while_released(call, |call| {
            let time = limit.map_or(u64::MAX, WaitLimit::left);
            poll(call, file, readiness, time)
        });
        match (waited, limit) {
            (NOT_BEGUN, _) => return NOT_BEGUN,
            (0, Some(limit)) => return limit.result,
            (waited, _) if waited == -EINTR => return waited,
            _ => {}
        }
    }
}

/// Ask whether a descriptor is ready, waiting for so many milliseconds. The raw result.
fn poll(call: &Call<'_>, file: u64, readiness: &Readiness, time: u64) -> i64 {
    let request = [u64::from(file as u32) | u64::from(readiness.events) << 32];
    let args = [request.as_ptr() as u64, 1, time, 0, 0, 0];
    if time == 0 {
        // SAFETY: a pollfd of ours; does not wait.
        return unsafe { syscall3(POLL, args[0], 1, 0) };
    }
    // SAFETY: a pollfd of ours.
    unsafe { interruptible::call(POLL, &args, call.thread.queued.as_ptr()) }
}

/// `None`: scratch memory cannot stand for the program's, and nothing has been done.
#[inline(never)]
fn in_scratch(call: &mut Call<'_>, entry: &SystemCall, args: &[u64; 6]) -> Option<i64> {
    let mut scratch = Scratch::new();
    let ours = scratch.replace(entry, args)?;
    let before = Before::capture(entry, &ours, &scratch).ok()?;
    let result = while_released(call, |call| direct(call, &ours));
    // The kernel can write to all of scratch memory: if it says EFAULT, it has not come to that.
    if result == NOT_BEGUN || result == -EFAULT {
        return Some(result);
    }
    let mut copy = CopyBack::new(&scratch);
    before.outputs(entry, &ours, result, &scratch, &mut copy);
    Some(if copy.has_failed { -EFAULT } else { result })
}
