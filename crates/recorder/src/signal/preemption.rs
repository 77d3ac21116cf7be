//! Preemption requests: a thread that has waited long asks the running one to let others run, wherever that is.

use reenact_freestanding::numbers::{self, RT_TGSIGQUEUEINFO};
use reenact_freestanding::syscall::syscall4;
use reenact_trace::arena::PREEMPTION;

use super::{timer, SIGSYS};
use crate::thread::{requested, QueuedSignal};

/// The number of a fault that stands for a request.
pub const PREEMPT: u32 = 1000;
const SI_QUEUE: i32 = numbers::SI_QUEUE as i32;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To let others run.
    Now,
    /// To do so if it waits in a loop for what others are to do.
    IfSpinning,
}

impl Kind {
    /// Its bit in [`Thread::preemption_requested`](crate::thread::Thread::preemption_requested).
    pub fn bit(self) -> u32 {
        match self {
            Kind::Now => requested::NOW,
            Kind::IfSpinning => requested::IF_SPINNING,
        }
    }
}

/// Send a preemption request to the running thread, of this process or another one. False: the kernel refuses.
pub fn request(pid: u32, tid: u32, kind: Kind) -> bool {
    // siginfo: number, error, code; pid and uid; value.
    let value = PREEMPTION + u64::from(kind.bit());
    let info = [u64::from(SIGSYS), SI_QUEUE as u32 as u64, 0, value];
    let mut words = [0u64; 16];
    words[..4].copy_from_slice(&info);
    // SAFETY: a siginfo of ours; the signal is one the recorder always handles.
    let result = unsafe {
        syscall4(
            RT_TGSIGQUEUEINFO,
            u64::from(pid),
            u64::from(tid),
            u64::from(SIGSYS),
            words.as_ptr() as u64,
        )
    };
    result == 0
}

/// What a signal asks for, if it is such a request.
pub fn kind(signal: &QueuedSignal) -> Option<Kind> {
    if timer::is_look(signal) {
        return Some(Kind::IfSpinning);
    }
    let is_queued = (signal.info[1] & 0xffff_ffff) as i32 == SI_QUEUE;
    if signal.number != SIGSYS || !is_queued {
        return None;
    }
    [Kind::Now, Kind::IfSpinning]
        .into_iter()
        .find(|kind| signal.info[3] == PREEMPTION + u64::from(kind.bit()))
}
