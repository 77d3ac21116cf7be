//! The time-stamp counter, which the program may have been refused (`prctl` PR_SET_TSC), and we with it.

use core::arch::global_asm;

use reenact_freestanding::numbers::PRCTL;
use reenact_freestanding::syscall::syscall2;

extern "C" {
    /// The counter, or 0 where reading it is refused.
    fn guarded_time_stamp() -> u64;
    static guarded_time_stamp_refused: u8;
}

global_asm!(
    ".globl guarded_time_stamp",
    "guarded_time_stamp:",
    "rdtsc",
    "shl rdx, 32",
    "or rax, rdx",
    "ret",
    ".globl guarded_time_stamp_refused",
    "guarded_time_stamp_refused:",
    "xor eax, eax",
    "ret",
);

/// Read the counter; `None` where that is refused.
#[inline]
pub fn read() -> Option<u64> {
    // SAFETY: reads the counter; a fault is caught.
    Some(unsafe { guarded_time_stamp() }).filter(|&counter| counter != 0)
}

/// If `ip` is that of the instruction which reads the counter, where to go on after its fault.
pub fn fixup(ip: u64) -> Option<u64> {
    (ip == guarded_time_stamp as *const () as u64)
        .then_some(&raw const guarded_time_stamp_refused as u64)
}

/// Let RDTSC and RDTSCP fault in the calling thread, or not. False where the kernel cannot. Kept by fork,
/// clone and exec.
pub fn set_faulting(faults: bool) -> bool {
    const PR_SET_TSC: u64 = 26;
    const PR_TSC_ENABLE: u64 = 1;
    const PR_TSC_SIGSEGV: u64 = 2;
    let how = if faults {
        PR_TSC_SIGSEGV
    } else {
        PR_TSC_ENABLE
    };
    // SAFETY: about the calling thread only.
    unsafe { syscall2(PRCTL, PR_SET_TSC, how) == 0 }
}
