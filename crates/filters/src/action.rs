//! What is done with a call, and which of several filters' answers counts.

/// An answer of a filter (include/uapi/linux/seccomp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The process ends; so it does for answers that are none.
    KillProcess,
    KillThread,
    /// SIGSYS, with these data as `si_errno`.
    Trap(u16),
    /// The call fails with this error number; 0: it has done nothing, and succeeds.
    Errno(u16),
    /// Somebody else answers.
    Notify,
    /// The tracer decides, and is given these data.
    Trace(u16),
    /// It is performed, and logged by the kernel.
    Log,
    Allow,
}

impl Action {
    /// The answer that allows a call.
    pub const ALLOW: u32 = 0x7fff_0000;
    /// The one that kills the process, and the one that kills the thread.
    pub const KILL_PROCESS: u32 = 0x8000_0000;
    pub const KILL_THREAD: u32 = 0;
    /// `SECCOMP_RET_ACTION_FULL`; the rest are data.
    const ACTION: u32 = 0xffff_0000;
    /// `MAX_ERRNO`
    const MOST_ERRNO: u16 = 4095;

    /// The action of an answer.
    pub fn of(answer: u32) -> Action {
        let data = answer as u16;
        match answer & Action::ACTION {
            Action::KILL_THREAD => Action::KillThread,
            0x0003_0000 => Action::Trap(data),
            0x0005_0000 => Action::Errno(data.min(Action::MOST_ERRNO)),
            0x7fc0_0000 => Action::Notify,
            0x7ff0_0000 => Action::Trace(data),
            0x7ffc_0000 => Action::Log,
            Action::ALLOW => Action::Allow,
            // KILL_PROCESS, and everything that is none.
            _ => Action::KillProcess,
        }
    }

    /// Whether the kernel knows an action by exactly this value (`SECCOMP_GET_ACTION_AVAIL`).
    pub fn is_known(value: u32) -> bool {
        let is_exact = value & !Action::ACTION == 0;
        is_exact && (value == Action::KILL_PROCESS || Action::of(value) != Action::KillProcess)
    }

    /// Whether an answer comes before another one of a filter that was installed later.
    pub fn precedes(answer: u32, other: u32) -> bool {
        // As signed numbers: KILL_PROCESS is the least.
        ((answer & Action::ACTION) as i32) < ((other & Action::ACTION) as i32)
    }
}
