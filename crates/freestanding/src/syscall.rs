//! Raw system calls.

use core::arch::asm;

/// Perform a system call with six arguments; the raw result (negative: -errno).
///
/// # Safety
/// As for the system call itself.
#[inline(always)]
pub unsafe fn syscall6(number: u64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
    let result: i64;
    // SAFETY: the caller vouches for the call; the kernel destroys rcx and r11 only.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c,
             in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _,
             options(nostack));
    }
    result
}

macro_rules! shorter {
    ($name:ident $(, $arg:ident)*; $($zero:literal)*) => {
        /// A system call with fewer arguments; see [`syscall6`].
        ///
        /// # Safety
        /// As for the system call itself.
        #[inline(always)]
        pub unsafe fn $name(number: u64 $(, $arg: u64)*) -> i64 {
            // SAFETY: passed on to the caller.
            unsafe { syscall6(number $(, $arg)* $(, $zero)*) }
        }
    };
}
shorter!(syscall0; 0 0 0 0 0 0);
shorter!(syscall1, a; 0 0 0 0 0);
shorter!(syscall2, a, b; 0 0 0 0);
shorter!(syscall3, a, b, c; 0 0 0);
shorter!(syscall4, a, b, c, d; 0 0);
shorter!(syscall5, a, b, c, d, e; 0);
