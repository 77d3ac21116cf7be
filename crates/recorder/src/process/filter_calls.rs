//! `seccomp(2)` and the options of `prctl(2)` about filters and privileges: what is installed is kept by us, and
//! asked about the program's calls (`filtered`).
//!
//! The kernel is given each filter, too, with an exception for calls from the reserved region: whatever it shows
//! of the process, and whom it lets install one, is as it would be without us, and programs that go on unrecorded
//! keep theirs. Where calls come to us by a filter of our own, the kernel's would come before it: there it
//! is given one that allows everything.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;

use super::filter_program::ProgramCopy;
use super::threads;
use crate::call::{Call, Outcome};
use crate::confinement::{are_calls_dispatched, STRICT};
use crate::filters::{add, is_ancestor};
use crate::{guest, message};

// include/uapi/linux/seccomp.h
const SET_MODE_STRICT: u32 = 0;
const SET_MODE_FILTER: u32 = 1;
const GET_ACTION_AVAIL: u32 = 2;
const MODE_STRICT: u64 = 1;
const MODE_FILTER: u64 = 2;
const FLAG_TSYNC: u32 = 1;
const FLAG_NEW_LISTENER: u32 = 8;
const FLAG_TSYNC_ESRCH: u32 = 16;
const FLAG_WAIT_KILLABLE: u32 = 32;
const FLAGS: u32 = 63;
const RET_USER_NOTIF: u32 = 0x7fc0_0000;

/// Perform the call; `None`: an ordinary one.
#[inline(never)]
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    let [first, second, third, ..] = call.args;
    if call.number == PRCTL {
        return prctl(call, first as u32, second, third).map(Outcome::Done);
    }
    match first as u32 {
        SET_MODE_STRICT if second as u32 == 0 && third == 0 => {
            Some(Outcome::Done(set_strict(call)))
        }
        SET_MODE_FILTER => Some(Outcome::Done(set_filter(call, second as u32, third))),
        // What is refused below is not announced.
        GET_ACTION_AVAIL if second as u32 == 0 && word(third) == Some(RET_USER_NOTIF) => {
            Some(Outcome::Done(-EOPNOTSUPP))
        }
        _ => None,
    }
}

fn word(at: u64) -> Option<u32> {
    let mut bytes = [0u8; 4];
    guest::read(at, &mut bytes).then(|| u32::from_le_bytes(bytes))
}

fn prctl(call: &mut Call<'_>, option: u32, second: u64, third: u64) -> Option<i64> {
    match u64::from(option) {
        numbers::PR_SET_SECCOMP => Some(match second {
            MODE_STRICT => set_strict(call),
            MODE_FILTER => set_filter(call, 0, third),
            _ => -EINVAL,
        }),
        numbers::PR_GET_SECCOMP if !are_calls_dispatched() => {
            let has_any = call.thread.confinement.filters != 0;
            Some(if has_any { MODE_FILTER as i64 } else { 0 })
        }
        numbers::PR_SET_NO_NEW_PRIVS => {
            // The kernel looks at all of them, and performs it.
            let [_, a, b, c, d, _] = call.args;
            if [a, b, c, d] == [1, 0, 0, 0] {
                call.thread.confinement.no_new_privileges = true;
            }
            None
        }
        numbers::PR_GET_NO_NEW_PRIVS if !are_calls_dispatched() && call.args[1..5] == [0; 4] => {
            Some(call.thread.confinement.no_new_privileges.into())
        }
        _ => None,
    }
}

/// `seccomp_set_mode_strict`
fn set_strict(call: &mut Call<'_>) -> i64 {
    if !matches!(call.thread.confinement.filters, 0 | STRICT) {
        return -EINVAL;
    }
    call.thread.confinement.filters = STRICT;
    0
}

/// `seccomp_set_mode_filter`
fn set_filter(call: &mut Call<'_>, flags: u32, argument: u64) -> i64 {
    let has = |flag| flags & flag != 0;
    if flags & !FLAGS != 0
        || has(FLAG_TSYNC) && has(FLAG_NEW_LISTENER) && !has(FLAG_TSYNC_ESRCH)
        || has(FLAG_WAIT_KILLABLE) && !has(FLAG_NEW_LISTENER)
    {
        return -EINVAL;
    }
    if has(FLAG_NEW_LISTENER) {
        // Libraries ask without a filter whether there are any.
        if guest::read(argument, &mut [0]) {
            message::once(
            "seccomp: filters with a process that answers for them (SECCOMP_FILTER_FLAG_NEW_LISTENER) are not recorded; the program was told EINVAL",
        );
        }
        return -EINVAL;
    }
    let mut program = ProgramCopy::new();
    if let Err(error) = program.read(argument, is_permitted(call)) {
        return error;
    }
    let confinement = call.thread.confinement;
    if confinement.filters == STRICT {
        return -EINVAL;
    }
    let filters = match add(confinement.filters, program.instructions()) {
        Ok(filters) => filters,
        Err(error) => return error,
    };
    if has(FLAG_TSYNC) {
        match differing_thread(call, confinement.filters) {
            Some(_) if has(FLAG_TSYNC_ESRCH) => return -ESRCH,
            Some(tid) => return i64::from(tid),
            None => {}
        }
    }
    let told = tell_kernel(&program, flags & !FLAG_TSYNC_ESRCH);
    if told < 0 {
        return told;
    }
    call.thread.confinement.filters = filters;
    if has(FLAG_TSYNC) {
        threads::for_each(|thread| {
            thread.confinement.filters = filters;
            thread.confinement.no_new_privileges |= confinement.no_new_privileges;
        });
    }
    0
}

/// Install the kernel's. A thread that the program knows to be gone may still be about to end, and differ.
fn tell_kernel(program: &ProgramCopy, flags: u32) -> i64 {
    const PATIENCE: u32 = 1000;
    let pause = [0u64, 100_000];
    for _ in 0..PATIENCE {
        let told = program.tell_kernel(flags);
        if told <= 0 {
            return told;
        }
        // SAFETY: a timespec of ours.
        unsafe { syscall2(numbers::NANOSLEEP, pause.as_ptr() as u64, 0) };
    }
    program.tell_kernel(flags & !FLAG_TSYNC).min(0)
}

/// A thread whose filters are none of those that the calling one has (`seccomp_can_sync_threads`).
fn differing_thread(call: &Call<'_>, filters: u32) -> Option<u32> {
    let own = call.thread.tid;
    let mut differing = None;
    threads::for_each(|thread| {
        let theirs = thread.confinement.filters;
        let differs = theirs == STRICT || !is_ancestor(theirs, filters);
        if thread.tid != own && differs && differing.is_none() {
            differing = Some(thread.tid);
        }
    });
    differing
}

/// Whether the thread may install filters: it gains no privileges any more, or may administer its namespace.
fn is_permitted(call: &Call<'_>) -> bool {
    const VERSION: u64 = 0x2008_0522;
    const SYS_ADMIN: u32 = 21;
    if call.thread.confinement.no_new_privileges {
        return true;
    }
    // struct __user_cap_header_struct; effective, permitted, inheritable, in two parts.
    let (header, mut sets) = ([VERSION, 0], [0u32; 6]);
    // SAFETY: structures of ours.
    let asked = unsafe {
        let (header, sets) = (header.as_ptr() as u64, sets.as_mut_ptr() as u64);
        syscall2(numbers::CAPGET, header, sets)
    };
    asked == 0 && sets[0] >> SYS_ADMIN & 1 != 0
}
