//! Copies that survive bad pointers.
//!
//! They run in assembly between two labels; when one faults, the handler of SIGSEGV and SIGBUS finds the
//! instruction pointer there and moves it to a label that returns failure ([`fixup`]).

use core::arch::global_asm;

extern "C" {
    fn guest_copy(to: u64, from: u64, length: u64) -> u64;
    static guest_copy_start: u8;
    static guest_copy_end: u8;
    static guest_copy_failed: u8;
}

global_asm!(
    ".globl guest_copy",
    "guest_copy:",
    "mov rcx, rdx",
    ".globl guest_copy_start",
    "guest_copy_start:",
    "cmp rcx, 32",
    "ja 2f",
    "3:",
    "cmp rcx, 8",
    "jb 4f",
    "mov rax, [rsi]",
    "mov [rdi], rax",
    "add rsi, 8",
    "add rdi, 8",
    "sub rcx, 8",
    "jmp 3b",
    "4:",
    "test rcx, rcx",
    "je guest_copy_end",
    "mov al, [rsi]",
    "mov [rdi], al",
    "inc rsi",
    "inc rdi",
    "dec rcx",
    "jmp 4b",
    "2:",
    "rep movsb",
    ".globl guest_copy_end",
    "guest_copy_end:",
    "mov eax, 1",
    "ret",
    ".globl guest_copy_failed",
    "guest_copy_failed:",
    "xor eax, eax",
    "ret",
);

/// If `ip` is inside a guarded copy, where to go on instead.
pub fn fixup(ip: u64) -> Option<u64> {
    let (start, end, failed) = (
        &raw const guest_copy_start as u64,
        &raw const guest_copy_end as u64,
        &raw const guest_copy_failed as u64,
    );
    (ip >= start && ip < end).then_some(failed)
}

/// Copy from memory that may not be readable; false when it is not.
pub fn read(address: u64, into: &mut [u8]) -> bool {
    // SAFETY: the destination is ours; a fault at the source is caught.
    unsafe { guest_copy(into.as_mut_ptr() as u64, address, into.len() as u64) == 1 }
}

/// Copy to memory that may not be writable; false when it is not.
///
/// # Safety
/// What is there belongs to the program, not to us.
pub unsafe fn write(address: u64, from: &[u8]) -> bool {
    // SAFETY: the source is ours; a fault at the destination is caught; the rest by contract.
    unsafe { guest_copy(address, from.as_ptr() as u64, from.len() as u64) == 1 }
}
