//! Whether the processor begins transactions. CPUID does not tell: one that has them switched off (IA32_TSX_CTRL) aborts
//! each at once, and says no more of them than one that refuses the instruction.

use core::arch::global_asm;

extern "C" {
    /// 1, or 0 where the instruction is refused.
    fn guarded_transaction() -> u64;
    static guarded_transaction_refused: u8;
}

global_asm!(
    ".globl guarded_transaction",
    "guarded_transaction:",
    "xbegin 2f",
    "xend",
    "2:",
    "mov eax, 1",
    "ret",
    ".globl guarded_transaction_refused",
    "guarded_transaction_refused:",
    "xor eax, eax",
    "ret",
);

/// Whether `xbegin` is an instruction to the processor.
pub fn can_begin() -> bool {
    // SAFETY: an empty transaction, or none; a fault is caught.
    unsafe { guarded_transaction() != 0 }
}

/// If `ip` is that of the instruction which begins one, where to go on after its fault.
pub fn fixup(ip: u64) -> Option<u64> {
    (ip == guarded_transaction as *const () as u64)
        .then_some(&raw const guarded_transaction_refused as u64)
}
