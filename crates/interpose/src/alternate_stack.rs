//! The alternate signal stack of a thread, as the kernel keeps it (`sigaltstack`, kernel/signal.c).

use reenact_freestanding::numbers::{EINVAL, ENOMEM, EPERM};

/// `ss_flags`: the stack is in use.
const ON_STACK: u64 = 1;
/// `ss_flags` of a disabled alternate stack.
const DISABLE: u64 = 2;
/// `ss_flags`: disabled while a handler runs on it.
const AUTODISARM: u64 = 1 << 31;
/// Smallest alternate stack (MINSIGSTKSZ of the kernel's legacy check).
const MINIMUM_SIZE: u64 = 2048;

/// `stack_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct AlternateStack {
    pub base: u64,
    pub flags: u64,
    pub size: u64,
}

impl AlternateStack {
    pub const DISABLED: AlternateStack = AlternateStack {
        base: 0,
        flags: DISABLE,
        size: 0,
    };

    /// That of a program which has not said anything of one.
    pub const NEVER_SET: AlternateStack = AlternateStack {
        base: 0,
        flags: 0,
        size: 0,
    };

    fn is_disabled(&self) -> bool {
        self.size == 0
    }

    /// Whether a stack pointer is on it.
    pub fn contains(&self, sp: u64) -> bool {
        self.flags & (DISABLE | AUTODISARM) == 0 && sp > self.base && sp - self.base <= self.size
    }

    /// Where a handler that wants it starts, if it may be used from a stack pointer.
    pub fn top_from(&self, sp: u64) -> Option<u64> {
        (!self.is_disabled() && !self.contains(sp)).then(|| self.base + self.size)
    }

    /// Whether it is disabled while a handler runs on it.
    pub fn is_disarmed_by_handlers(&self) -> bool {
        self.flags & AUTODISARM != 0
    }

    /// `ss_flags` as they are reported at a stack pointer.
    pub fn flags_at(&self, sp: u64) -> u64 {
        let state = if self.is_disabled() {
            DISABLE
        } else if self.contains(sp) {
            ON_STACK
        } else {
            0
        };
        state | self.flags & AUTODISARM
    }

    /// Change it as `sigaltstack` and `rt_sigreturn` do; 0 or -errno.
    pub fn set(&mut self, new: &AlternateStack, sp: u64) -> i64 {
        let flags = new.flags & 0xffff_ffff;
        if self.flags_at(sp) & ON_STACK != 0 {
            return -EPERM;
        }
        let mode = flags & !AUTODISARM;
        if mode != 0 && mode != DISABLE && mode != ON_STACK {
            return -EINVAL;
        }
        if *self == (AlternateStack { flags, ..*new }) {
            // No change is asked for.
            return 0;
        }
        if mode == DISABLE {
            *self = AlternateStack {
                flags,
                ..AlternateStack::DISABLED
            };
        } else if new.size < MINIMUM_SIZE {
            return -ENOMEM;
        } else {
            *self = AlternateStack { flags, ..*new };
        }
        0
    }
}
