//! Calls made while others run: without the token, or with it at once.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{EINTR, WAIT4, WAITID};
use reenact_interpose::interruptible;

use crate::call::Call;
use crate::sharing_group::WaitKind;
use crate::thread::requested;
use crate::{ptrace, scheduler, signal};

/// Make the call, unless a signal waits.
pub fn direct(call: &Call<'_>, args: &[u64; 6]) -> i64 {
    directly(call, call.number, args)
}

/// Make a call for the program's one, unless a signal waits.
pub fn directly(call: &Call<'_>, number: u64, args: &[u64; 6]) -> i64 {
    let thread = &call.thread;
    let is_looked_at = thread.looks_armed.load(Ordering::Relaxed) != 0;
    let result = loop {
        thread.in_call.store(1, Ordering::Relaxed);
        // SAFETY: the program asked for this call.
        let result = unsafe { interruptible::call(number, args, thread.queued.as_ptr()) };
        thread.in_call.store(0, Ordering::Relaxed);
        if result != -EINTR || !was_looked_at(call) {
            break result;
        }
    };
    if is_looked_at {
        // The first look that met the call has ended them.
        signal::timer::begin_looks(thread);
    }
    result
}

/// Whether a call was interrupted only because others want to know whether the thread spins.
fn was_looked_at(call: &Call<'_>) -> bool {
    let asked = &call.thread.preemption_requested;
    let is_all = asked.load(Ordering::Relaxed) == requested::IF_SPINNING;
    is_all && !signal::queued(call.thread) && {
        asked.fetch_and(!requested::IF_SPINNING, Ordering::Relaxed);
        true
    }
}

/// Whether a call was interrupted only because others want the token.
pub fn was_preempted(call: &Call<'_>) -> bool {
    call.thread.preemption_requested.swap(0, Ordering::Relaxed) != 0 && !signal::queued(call.thread)
}

/// Whether a call was perhaps interrupted because it waits for a child that has just become a tracee, of which the kernel
/// does not tell.
fn awaits_tracee(call: &Call<'_>) -> bool {
    matches!(call.number, WAIT4 | WAITID) && ptrace::links::any()
}

/// Run `wait` without the token. The event under construction is begun anew afterwards, because
/// others have written to the log.
pub fn while_released(call: &mut Call<'_>, mut wait: impl FnMut(&Call<'_>) -> i64) -> i64 {
    let header = call.event.set_aside();
    call.thread.preemption_requested.store(0, Ordering::Relaxed);
    scheduler::release_for_call(call.thread, &header);
    let result = loop {
        let result = wait(call);
        // Somebody who wants the token can think we still have it: the program must not see
        // that its call was interrupted by that.
        if result != -EINTR || awaits_tracee(call) || !was_preempted(call) {
            break result;
        }
    };
    call.thread.preemption_requested.store(0, Ordering::Relaxed);
    scheduler::acquire(call.thread, WaitKind::AfterCall);
    call.thread.is_blocked = false;
    call.event.go_on(&header);
    result
}
