//! Killing another process of the sharing group. The kernel marks the robust locks that the killed
//! process has, in memory that others see; the marks are logged with the call that kills.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall6};

use super::recipient::{Recipient, Sent};
use crate::call::Call;
use crate::{shared, sharing_group, signal};

/// A member about to be killed that may have robust locks: its process descriptor.
pub struct Victim(i64);

/// Whether the signal kills a process with robust locks.
pub fn victim(sent: &Sent) -> Option<Victim> {
    let Recipient::Process(pid @ 1..) = sent.to else {
        return None;
    };
    let pid = pid as u64;
    if sent.signal != signal::SIGKILL || !sharing_group::is_member() || !may_have_locks(pid) {
        return None;
    }
    // SAFETY: a new descriptor of ours.
    let descriptor = unsafe { syscall2(numbers::PIDFD_OPEN, pid, 0) };
    (descriptor >= 0).then_some(Victim(descriptor))
}

/// Whether the list of robust futexes of a process is not known to be empty.
fn may_have_locks(pid: u64) -> bool {
    let (mut head, mut size, mut first) = (0u64, 0u64, 0u64);
    // SAFETY: words of ours that the kernel fills.
    unsafe {
        let (head_at, size_at) = (&raw mut head as u64, &raw mut size as u64);
        if syscall3(numbers::GET_ROBUST_LIST, pid, head_at, size_at) < 0 {
            return true;
        }
        if head == 0 {
            return false;
        }
        let to = [&raw mut first as u64, 8];
        let from = [head, 8];
        let (to_at, from_at) = (to.as_ptr() as u64, from.as_ptr() as u64);
        let read = syscall6(numbers::PROCESS_VM_READV, pid, to_at, 1, from_at, 1, 0);
        read != 8 || first != head
    }
}

/// The call has been made: when the process is gone, log what it left.
pub fn after(call: &mut Call<'_>, victim: &Victim, result: i64) {
    const PATIENCE_MS: u64 = 1000;
    // SAFETY: a pollfd of ours, and our descriptor.
    let is_gone = unsafe {
        let request = [victim.0 as u64 | numbers::POLLIN << 32];
        let ready =
            result == 0 && syscall3(numbers::POLL, request.as_ptr() as u64, 1, PATIENCE_MS) == 1;
        syscall2(CLOSE, victim.0 as u64, 0);
        ready
    };
    if is_gone {
        shared::attach_content(&mut call.event);
    }
}
