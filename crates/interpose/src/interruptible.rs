//! A system call that a signal can keep from beginning.
//!
//! A signal that arrives between the look at the count of queued signals and the `syscall`
//! instruction would be slept through; so a signal handler moves an instruction pointer in between to
//! where the call is abandoned ([`abandon_address`]).

use core::arch::global_asm;

extern "C" {
    /// `arguments`: seven words, the number and six arguments; `queued`: count of queued signals.
    fn interruptible_call(arguments: *const u64, queued: *const u32) -> i64;
    static interruptible_start: u8;
    static interruptible_end: u8;
    static interruptible_aborted: u8;
}

/// Result of [`call`] when it was not begun because a signal waits.
pub const NOT_BEGUN: i64 = -512;

global_asm!(
    ".globl interruptible_call",
    "interruptible_call:",
    "push rbx",
    "mov rbx, rsi",
    "mov r11, rdi",
    "mov rax, [r11]",
    "mov rdi, [r11 + 8]",
    "mov rsi, [r11 + 16]",
    "mov rdx, [r11 + 24]",
    "mov r10, [r11 + 32]",
    "mov r8, [r11 + 40]",
    "mov r9, [r11 + 48]",
    ".globl interruptible_start",
    "interruptible_start:",
    "cmp dword ptr [rbx], 0",
    "jne interruptible_aborted",
    "syscall",
    ".globl interruptible_end",
    "interruptible_end:",
    "pop rbx",
    // Not `ret`: see `entry::go_on`.
    "pop rcx",
    "jmp rcx",
    ".globl interruptible_aborted",
    "interruptible_aborted:",
    "mov rax, {not_begun}",
    "pop rbx",
    "ret",
    not_begun = const NOT_BEGUN,
);

/// Perform system call `number` unless the count of queued signals is not zero.
///
/// # Safety
/// As for the system call itself.
pub unsafe fn call(number: u64, args: &[u64; 6], queued: *const u32) -> i64 {
    let words = [number, args[0], args[1], args[2], args[3], args[4], args[5]];
    // SAFETY: passed on; `words` outlives the call.
    unsafe { interruptible_call(words.as_ptr(), queued) }
}

/// The address behind the instruction by which it is performed.
pub fn behind() -> u64 {
    &raw const interruptible_end as u64
}

/// If `ip` is where such a call is about to begin, the address that abandons it.
pub fn abandon_address(ip: u64) -> Option<u64> {
    let (start, end, aborted) = (
        &raw const interruptible_start as u64,
        &raw const interruptible_end as u64,
        &raw const interruptible_aborted as u64,
    );
    (ip >= start && ip < end).then_some(aborted)
}
