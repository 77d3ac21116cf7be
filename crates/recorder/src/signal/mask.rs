//! The kernel's signal mask of a thread, which is not always the one that its program has set.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall4};

use super::*;
use crate::thread::Thread;

/// Signals by which the recorder comes to know what the program does (SIGSYS, SIGTRAP), and that a
/// pointer it was given is bad (SIGSEGV, SIGBUS: `guarded_copy`). The kernel kills a process that
/// raises one while it is blocked (kernel/signal.c: force_sig_info_to_task), so the program only
/// believes that it blocks them.
pub const fn never_blocked() -> u64 {
    bit(SIGSYS) | bit(SIGTRAP) | bit(SIGSEGV) | bit(SIGBUS)
}

/// Set the kernel's mask of the calling thread, for the mask that its program wants.
pub fn set_kernel_mask(thread: &Thread) {
    loop {
        let kept = thread.followers_kept.load(Ordering::Relaxed);
        set_exact_kernel_mask((thread.mask | kept) & !never_blocked());
        // One that has come in between asked for what we have just undone.
        if thread.followers_kept.load(Ordering::Relaxed) == kept {
            return;
        }
    }
}

/// Whether the kernel keeps a signal for the calling thread or its process, as the thread blocks it.
pub fn is_kept_by_kernel(number: u32) -> bool {
    let mut set = 0u64;
    // SAFETY: eight bytes of ours.
    unsafe { syscall2(RT_SIGPENDING, &raw mut set as u64, 8) };
    set & bit(number) != 0
}

/// Let a signal in that ends the process.
pub fn let_in(thread: &Thread, number: u32) {
    set_exact_kernel_mask(thread.mask & !bit(number) & !never_blocked());
}

/// Let no signal in that is not raised by what the thread does itself, until the kernel's mask is set
/// again: a new process has to be itself before it can say whose a signal is.
pub fn hold_signals() {
    let own = SYNCHRONOUS
        .iter()
        .fold(0, |mask, &signal| mask | bit(signal));
    set_exact_kernel_mask(!own);
}

/// Set the kernel's mask of the calling thread: an image executed next inherits it.
pub fn set_exact_kernel_mask(mask: u64) {
    // SAFETY: a mask of ours; SIG_SETMASK = 2.
    unsafe { syscall4(RT_SIGPROCMASK, 2, &raw const mask as u64, 0, 8) };
}
