//! Operations of `futex`.

use crate::wait::Restart;

/// How an operation waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutexWait {
    /// It does not.
    Never,
    /// Until it is woken; the kernel writes nothing meanwhile.
    Directly,
    /// For a lock whose word the kernel writes at any time, from other threads too: the recorder
    /// tries again and again instead.
    PriorityLock,
}

/// The word an operation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutexOutput {
    None,
    First,
    Second,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FutexOperation {
    pub number: u32,
    pub wait: FutexWait,
    pub output: FutexOutput,
    /// What a signal does to a wait that has a timeout; without one it is performed again.
    pub with_timeout: Restart,
    /// Its timeout is a length of time, not a moment.
    pub counts: bool,
    /// The result is how many were woken at the first word.
    pub wakes: bool,
}

const fn operation(number: u32, wait: FutexWait, output: FutexOutput) -> FutexOperation {
    FutexOperation {
        number,
        wait,
        output,
        with_timeout: Restart::WithFlag,
        counts: false,
        wakes: false,
    }
}

impl FutexOperation {
    /// The timeout is what is left, or the kernel continues with what is left.
    const fn continues(mut self) -> FutexOperation {
        self.with_timeout = Restart::Block;
        self
    }

    const fn counts(mut self) -> FutexOperation {
        self.counts = true;
        self
    }

    const fn wakes(mut self) -> FutexOperation {
        self.wakes = true;
        self
    }
}

/// By number.
pub(crate) static OPERATIONS: [FutexOperation; 14] = [
    operation(0, FutexWait::Directly, FutexOutput::None)
        .continues()
        .counts(), // WAIT
    operation(1, FutexWait::Never, FutexOutput::None).wakes(), // WAKE
    operation(2, FutexWait::Never, FutexOutput::None),         // FD: gone
    operation(3, FutexWait::Never, FutexOutput::None),         // REQUEUE
    operation(4, FutexWait::Never, FutexOutput::None),         // CMP_REQUEUE
    operation(5, FutexWait::Never, FutexOutput::Second),       // WAKE_OP
    operation(6, FutexWait::PriorityLock, FutexOutput::First), // LOCK_PI
    operation(7, FutexWait::Never, FutexOutput::First),        // UNLOCK_PI
    operation(8, FutexWait::Never, FutexOutput::First),        // TRYLOCK_PI
    operation(9, FutexWait::Directly, FutexOutput::None).continues(), // WAIT_BITSET
    operation(10, FutexWait::Never, FutexOutput::None).wakes(), // WAKE_BITSET
    // The lock at the second word is given by whoever requeues, whose call is logged with it.
    operation(11, FutexWait::Directly, FutexOutput::Second), // WAIT_REQUEUE_PI
    operation(12, FutexWait::Never, FutexOutput::Second),    // CMP_REQUEUE_PI
    operation(13, FutexWait::PriorityLock, FutexOutput::First), // LOCK_PI2
];

const _: () = {
    let mut index = 0;
    while index < OPERATIONS.len() {
        assert!(OPERATIONS[index].number as usize == index, "out of order");
        index += 1;
    }
};

/// The operation in the second argument of `futex`; `None`: the kernel answers `ENOSYS`.
pub fn futex_operation(argument: u64) -> Option<&'static FutexOperation> {
    // FUTEX_CMD_MASK: without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    let number = argument as u32 & !(128 | 256);
    OPERATIONS.get(number as usize)
}
