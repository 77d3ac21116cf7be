//! The process whose turn it is, as one that waits for the turn sees it: whether it has ended or is stopped, and how it
//! is asked to let others run. The two can be of different pid namespaces and of different users: a number is one of this
//! process's namespace only where the kernel says so, and what the kernel refuses to this process the supervisor does.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::arena::slot_state;
use reenact_trace::sharing::{slot_and_pid, Group};

use crate::arena::{self, Life};
use crate::signal::preemption::{self, Kind};
use crate::text;

/// Whether a member has ended.
pub fn is_gone(holder: u64) -> bool {
    let Some((slot, pid)) = slot_and_pid(holder) else {
        return false;
    };
    let mut is_current = false;
    arena::look_at_slot(slot, |slot| {
        is_current = slot.pid.load(Ordering::Relaxed) == pid
            && slot.state.load(Ordering::Acquire) == slot_state::ACTIVE;
    });
    let is_locked = || arena::Lock::of_slot(slot).is_held_by_another();
    let may_be_unlocked = || arena::shares_descriptors() && is_alive(pid);
    !is_current || !(is_locked() || may_be_unlocked())
}

/// Whether a process of this pid namespace has not ended.
fn is_alive(pid: u32) -> bool {
    const POLLIN: u64 = 1;
    // SAFETY: a descriptor of ours, closed again; a pollfd of ours.
    unsafe {
        let descriptor = syscall2(PIDFD_OPEN, u64::from(pid), 0);
        if descriptor < 0 {
            return false;
        }
        let request = [descriptor as u64 | POLLIN << 32];
        let has_ended = syscall3(POLL, request.as_ptr() as u64, 1, 0) == 1;
        syscall2(CLOSE, descriptor as u64, 0);
        !has_ended
    }
}

/// Whether the process that runs is stopped (SIGSTOP, a debugger). If it is, a preemption request waits
/// for it and is the first thing it sees when it is continued, so its turn can be taken over.
pub fn is_stopped(group: &Group, holder: u64) -> bool {
    let number = number_here(holder);
    let is_seen = number.and_then(is_in_stop);
    if is_seen == Some(false) {
        return false;
    }
    let is_sent = request_preemption(group, holder, Kind::Now);
    match (number, is_seen) {
        (Some(number), Some(_)) if is_sent => is_in_stop(number) == Some(true),
        _ => {
            ask_supervisor(group, Kind::Now);
            group.stopped.load(Ordering::Acquire) == holder
        }
    }
}

/// The process's number in the pid namespace of this one.
fn number_here(holder: u64) -> Option<u32> {
    let own = slot_and_pid(holder).map(|(_, pid)| pid);
    match arena::life_of(holder) {
        Life::GoesOn(number) => Some(number).filter(|&number| number != 0),
        Life::Unknown | Life::Over => own,
    }
}

/// Whether `/proc` says so; `None`: it says nothing.
fn is_in_stop(pid: u32) -> Option<bool> {
    let name = text!("/proc/{pid}/stat\0");
    let mut content = [0u8; 128];
    // SAFETY: a NUL-terminated name and a buffer of ours; a descriptor of ours, closed again.
    let count = unsafe {
        let path = name.as_str().as_ptr() as u64;
        let file = syscall4(OPENAT, AT_FDCWD as u64, path, O_RDONLY | O_CLOEXEC, 0);
        if file < 0 {
            return None;
        }
        let count = syscall3(READ, file as u64, content.as_mut_ptr() as u64, 128);
        syscall2(CLOSE, file as u64, 0);
        count
    };
    // The name, in parentheses, can be anything.
    let content = &content[..count.max(0) as usize];
    let name_end = content.iter().rposition(|&byte| byte == b')');
    let state = name_end.and_then(|end| content.get(end + 2));
    state.map(|state| matches!(state, b'T' | b't'))
}

/// Interrupt the running thread of the process whose turn it is. False: the supervisor is asked to.
pub fn request_preemption(group: &Group, holder: u64, kind: Kind) -> bool {
    let Some((_, pid)) = slot_and_pid(holder) else {
        return true;
    };
    // In another namespace its numbers are those of other processes here.
    let is_of_ours = number_here(holder) == Some(pid);
    let mut is_sent = true;
    group.preempting.fetch_add(1, Ordering::SeqCst);
    // A process that leaves for an `execve` waits for us: afterwards the signal would kill it.
    if group.holder.load(Ordering::SeqCst) == holder {
        let tid = group.holder_tid.load(Ordering::Relaxed);
        is_sent = is_of_ours && preemption::request(pid, tid, kind);
    }
    let less = |count: u32| count.checked_sub(1);
    // Not below none: whoever leaves has set it to none when it did not change for long.
    let order = Ordering::SeqCst;
    let _ = group.preempting.fetch_update(order, order, less);
    if !is_sent {
        ask_supervisor(group, kind);
    }
    is_sent
}

/// Let the supervisor send the request, and say when the process is stopped.
fn ask_supervisor(group: &Group, kind: Kind) {
    group.asked.fetch_or(kind.bit(), Ordering::AcqRel);
    arena::ring_doorbell();
}
