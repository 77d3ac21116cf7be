//! Copies to and from the recorded program's memory that survive a fault (a page beyond the
//! end of its file, for one).

use core::arch::naked_asm;

/// Copy `length` bytes; returns how many were not copied because of a fault.
///
/// # Safety
/// Neither range may overlap memory of the replayer that it does not mean to touch.
#[unsafe(naked)]
pub unsafe extern "C" fn guarded_copy(to: *mut u8, from: *const u8, length: u64) -> u64 {
    naked_asm!(
        "mov rcx, rdx",
        ".globl reenact_guarded_copy_instruction",
        "reenact_guarded_copy_instruction:",
        "rep movsb",
        ".globl reenact_guarded_copy_recovery",
        "reenact_guarded_copy_recovery:",
        "mov rax, rcx",
        "ret",
    )
}

extern "C" {
    static reenact_guarded_copy_instruction: u8;
    static reenact_guarded_copy_recovery: u8;
}

/// Where to go on after a fault at `ip`, if it was in the copy.
pub fn recovery(ip: u64) -> Option<u64> {
    let instruction = core::ptr::addr_of!(reenact_guarded_copy_instruction) as u64;
    (ip == instruction).then_some(core::ptr::addr_of!(reenact_guarded_copy_recovery) as u64)
}
