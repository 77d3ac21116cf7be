//! The way from a fault in translated code back to Rust.

use crate::context::{Context, FaultOutcome, EXIT_FAULT};
use crate::gate;

/// Index of r8, rip and so on in `mcontext_t.gregs`, in the order of [`Registers`].
const GREGS: [usize; 18] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17];
/// Offset of `gregs` in `ucontext_t`.
const GREGS_OFFSET: usize = 40;
/// DF, TF and AC must be clear in Rust code.
const UNSAFE_FLAGS: u64 = 0x400 | 0x100 | 0x40000;

impl Context {
    /// To be called by the handler of SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP, which must
    /// run on an alternate stack. `info` is the `siginfo_t`, `ucontext` the `ucontext_t`.
    ///
    /// # Safety
    /// `context` is that of a live translator; the other pointers are those the kernel gave the handler.
    pub unsafe fn redirect_fault(
        context: *mut Context,
        signal: i32,
        info: *const u8,
        ucontext: *mut u8,
    ) -> FaultOutcome {
        // SAFETY: by contract; the handler runs on the translator's thread, which is suspended.
        let context = unsafe { &mut *context };
        // SAFETY: layout of the kernel's ucontext on x86-64.
        let gregs = unsafe { &mut *ucontext.add(GREGS_OFFSET).cast::<[u64; 23]>() };
        let host = gregs[16];
        if context.running == 0 || host < context.code_start || host >= context.code_end {
            return FaultOutcome::NotOurs;
        }
        let registers = (&raw mut context.registers).cast::<u64>();
        for (index, &greg) in GREGS.iter().enumerate() {
            // SAFETY: Registers is repr(C) of 20 u64.
            unsafe { registers.add(index).write(gregs[greg]) };
        }
        // SAFETY: layout of the kernel's siginfo: si_code at 8, si_addr at 16.
        unsafe {
            context.fault_code = info.add(8).cast::<i32>().read();
            context.fault_address = info.add(16).cast::<u64>().read();
        }
        context.fault_signal = signal;
        context.exit = EXIT_FAULT;
        gregs[16] = gate::fault_gate_address();
        gregs[17] &= !UNSAFE_FLAGS;
        FaultOutcome::Redirected
    }
}
