//! The program's alternate signal stack, as the kernel keeps it for a thread.

use reenact_freestanding::numbers::*;

use crate::thread::{Thread, SS_DISABLE};

const ON_STACK: u64 = 1;
pub const AUTODISARM: u64 = 1 << 31;

/// Whether a stack pointer is on it.
pub fn is_on_it(thread: &Thread, sp: u64) -> bool {
    let [base, flags, size] = thread.alternate_stack;
    flags & (SS_DISABLE | AUTODISARM) == 0 && sp > base && sp - base <= size
}

/// `ss_flags` as `sigaltstack` reports them.
pub fn flags(thread: &Thread, sp: u64) -> u64 {
    let flags = thread.alternate_stack[1];
    if is_on_it(thread, sp) {
        flags | ON_STACK
    } else {
        flags
    }
}

/// Smallest alternate stack (MINSIGSTKSZ of the kernel's legacy check).
const MINIMUM_STACK: u64 = 2048;

/// Change the settings as `sigaltstack` and `rt_sigreturn` do; 0 or -errno.
pub fn set(thread: &mut Thread, stack: &[u64; 3], sp: u64) -> i64 {
    let [base, wanted, size] = *stack;
    let wanted = wanted & 0xffff_ffff;
    if flags(thread, sp) & 1 != 0 {
        return -EPERM;
    }
    let mode = wanted & 0x7fff_ffff;
    if mode != 0 && mode != SS_DISABLE && mode != 1 {
        return -EINVAL;
    }
    if mode == SS_DISABLE {
        thread.alternate_stack = [0, wanted, 0];
    } else if size < MINIMUM_STACK {
        return -ENOMEM;
    } else {
        thread.alternate_stack = [base, wanted & AUTODISARM, size];
    }
    0
}
