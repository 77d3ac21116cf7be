//! Calls that reach into other processes.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;

use crate::call::Outcome;
use crate::ptrace::requests;
use crate::{message, other_processes};

/// Writing to the memory of another recorded process is refused by name: its log would not know.
#[cold]
pub fn refuse_writing(pid: u64) -> Option<Outcome> {
    let tid = pid as u32;
    // SAFETY: no effect.
    let is_own = unsafe { syscall0(GETPID) } == i64::from(tid as i32);
    if is_own || !other_processes::is_recorded(tid) || requests::has_this_memory(tid) {
        return None;
    }
    message::once(
        "process_vm_writev: writing to the memory of another recorded process is not recorded; the program was told EPERM",
    );
    Some(Outcome::Done(-EPERM))
}
