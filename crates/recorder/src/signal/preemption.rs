//! Preemption requests: a thread that has waited long asks the running one to let others run, wherever that is.

use reenact_freestanding::numbers::{self, RT_TGSIGQUEUEINFO};
use reenact_freestanding::syscall::syscall4;

use super::SIGSYS;
use crate::thread::QueuedSignal;

/// Marks our requests among the signals with the number of SIGSYS.
const COOKIE: u64 = 0x726f_6f6d_726f_6f6d;
/// The number of a fault that stands for a request.
pub const PREEMPT: u32 = 1000;
const SI_QUEUE: i32 = numbers::SI_QUEUE as i32;

/// Send a preemption request to the running thread, of this process or another one.
pub fn request(pid: u32, tid: u32) {
    // siginfo: number, error, code; pid and uid; value.
    let info = [u64::from(SIGSYS), SI_QUEUE as u32 as u64, 0, COOKIE];
    let mut words = [0u64; 16];
    words[..4].copy_from_slice(&info);
    // SAFETY: a siginfo of ours; the signal is one the recorder always handles.
    unsafe {
        syscall4(
            RT_TGSIGQUEUEINFO,
            u64::from(pid),
            u64::from(tid),
            u64::from(SIGSYS),
            words.as_ptr() as u64,
        )
    };
}

/// Whether a signal is such a request.
pub fn is_request(signal: &QueuedSignal) -> bool {
    signal.number == SIGSYS
        && (signal.info[1] & 0xffff_ffff) as i32 == SI_QUEUE
        && signal.info[3] == COOKIE
}
