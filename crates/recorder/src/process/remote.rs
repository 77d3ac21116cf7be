//! Calls that reach into other processes.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall6};

use crate::call::Outcome;
use crate::{arena, message};

/// Writing to the memory of another recorded process is refused by name: its log would not know.
#[cold]
pub fn refuse_writing(pid: u64) -> Option<Outcome> {
    if !is_another_recorded(pid) {
        return None;
    }
    message::once(
        "process_vm_writev: writing to the memory of another recorded process is not recorded; the program was told EPERM",
    );
    Some(Outcome::Done(-EPERM))
}

/// Whether a process is another recorded one: it has an arena, at the same address as we.
fn is_another_recorded(pid: u64) -> bool {
    const PROCESS_VM_READV: u64 = 310;
    // SAFETY: no effect.
    if unsafe { syscall0(GETPID) } == i64::from(pid as i32) {
        return false;
    }
    let magic = &arena::header().magic;
    let mut found = [0u8; 8];
    let length = size_of_val(magic).min(found.len());
    let local = [found.as_mut_ptr() as u64, length as u64];
    let remote = [core::ptr::from_ref(magic) as u64, length as u64];
    // SAFETY: fills our buffer, by vectors of ours; fails where the process may not be looked into.
    let read = unsafe {
        let (local, remote) = (local.as_ptr() as u64, remote.as_ptr() as u64);
        syscall6(PROCESS_VM_READV, pid, local, 1, remote, 1, 0)
    };
    // SAFETY: the magic is plain bytes.
    let ours = unsafe { core::slice::from_raw_parts(remote[0] as *const u8, length) };
    read == length as i64 && found[..length] == *ours
}
