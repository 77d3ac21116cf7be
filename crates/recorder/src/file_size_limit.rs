//! The program's limit of file sizes is not one of ours: files of the trace, and memory files that stand in for those of
//! procfs, can be larger.

use reenact_freestanding::numbers::{PRLIMIT64, RLIMIT_FSIZE};
use reenact_freestanding::syscall::syscall4;

/// Write a file of ours, as large as the kernel lets us.
pub fn lifted<T>(write: impl FnOnce() -> T) -> T {
    let now = ask(None);
    let is_limited = now[0] < now[1];
    if is_limited {
        ask(Some([now[1]; 2]));
    }
    let result = write();
    if is_limited {
        ask(Some(now));
    }
    result
}

/// The largest file that can be written so.
pub fn most() -> u64 {
    ask(None)[1]
}

/// The kernel's limit of this process, soft and hard, which becomes `new`.
fn ask(new: Option<[u64; 2]>) -> [u64; 2] {
    let mut now = [u64::MAX; 2];
    let from = new.as_ref().map_or(0, |limit| limit.as_ptr() as u64);
    // SAFETY: limits of ours.
    unsafe { syscall4(PRLIMIT64, 0, RLIMIT_FSIZE, from, now.as_mut_ptr() as u64) };
    now
}
