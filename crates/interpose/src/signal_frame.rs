//! The frame of a signal handler on the program's stack, as the kernel builds it
//! (arch/x86/kernel/signal_64.c: x64_setup_rt_frame) and takes it back (`rt_sigreturn`). Pure: registers
//! in, words and registers out.

use reenact_trace::Registers;

use crate::alternate_stack::AlternateStack;
use crate::extended_state::{frame_size, Components};
use crate::signal_action::{Action, SA_ONSTACK, SA_SIGINFO};

/// Bytes of the frame: return address, `ucontext_t`, `siginfo_t`.
pub const SIZE: usize = 440;
const WORDS: usize = SIZE / 8;
/// Offsets in it.
const CONTEXT: u64 = 8;
const INFORMATION: u64 = 312;
/// What a function may use below its stack pointer.
const RED_ZONE: u64 = 128;

/// A thread that is interrupted by a signal.
pub struct Interruption<'a> {
    pub registers: &'a Registers,
    /// Its signal mask.
    pub mask: u64,
    pub stack: AlternateStack,
    pub signal: u32,
    /// `siginfo_t`.
    pub info: &'a [u64; 16],
    pub action: &'a Action,
    /// Of a fault of the processor: error code, trap number, address.
    pub fault: Option<[u64; 3]>,
}

/// What is to be written, and how the handler begins.
pub struct SignalFrame {
    /// Where the frame goes.
    pub address: u64,
    words: [u64; WORDS],
    /// Where the XSAVE area goes.
    pub state_address: u64,
    /// Registers of the handler's first instruction.
    pub registers: Registers,
}

impl SignalFrame {
    /// The frame's bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: words as bytes.
        unsafe { core::slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), SIZE) }
    }
}

/// Lay the frame out.
pub fn build(interruption: &Interruption<'_>, components: Components) -> SignalFrame {
    let before = interruption.registers;
    let (action, stack) = (interruption.action, &interruption.stack);
    let wanted = action.flags & SA_ONSTACK != 0;
    let alternate = stack.top_from(before.rsp).filter(|_| wanted);
    let sp = alternate.unwrap_or(before.rsp.wrapping_sub(RED_ZONE));
    let state_address = sp.wrapping_sub(frame_size(components) as u64) & !63;
    let address = (state_address.wrapping_sub(SIZE as u64) & !15).wrapping_sub(8);

    let mut words = [0u64; WORDS];
    words[0] = action.restorer;
    words[1] = 7; // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
    words[3..6].copy_from_slice(&[stack.base, stack.flags, stack.size]);
    let r = before;
    let general = [
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx,
        r.rax, r.rcx, r.rsp, r.rip, r.rflags,
    ];
    words[6..24].copy_from_slice(&general);
    words[24] = u64::from(CODE_SEGMENT) | 0x2b << 48; // cs and ss
    if let Some([error, trap, address]) = interruption.fault {
        words[25..27].copy_from_slice(&[error, trap]);
        words[28] = address;
    }
    words[27] = interruption.mask;
    words[29] = state_address;
    words[38] = interruption.mask;
    if action.flags & SA_SIGINFO != 0 {
        words[39..].copy_from_slice(interruption.info);
    }
    // Trap, direction and resume flag are clear in a handler.
    const CLEARED: u64 = 0x1_0500;
    let registers = Registers {
        rdi: u64::from(interruption.signal),
        rsi: address + INFORMATION,
        rdx: address + CONTEXT,
        rax: 0,
        rsp: address,
        rip: action.handler,
        rflags: before.rflags & !CLEARED,
        ..*before
    };
    SignalFrame {
        address,
        words,
        state_address,
        registers,
    }
}

/// Bytes of a frame that `rt_sigreturn` reads, from where its stack pointer says: behind the return
/// address, which the handler's `ret` has consumed.
pub const READ_BACK: usize = 38 * 8;

/// Selector of the code segment that 64-bit programs have.
pub const CODE_SEGMENT: u16 = 0x33;

/// What a frame says about the thread that goes on.
pub struct Returned {
    pub registers: Registers,
    pub mask: u64,
    pub stack: AlternateStack,
    /// Selector of the code segment; the kernel has it be one of programs.
    pub code_segment: u16,
    /// Address of the XSAVE area; 0: none.
    pub state_address: u64,
}

/// Read a frame back. `before`: the registers at the call.
pub fn read(bytes: &[u8; READ_BACK], before: &Registers) -> Returned {
    /// Flags that a frame may change (arch/x86/kernel/signal_64.c: FIX_EFLAGS).
    const FIX_FLAGS: u64 = 0x5_0dd5;
    const OF_PROGRAMS: u16 = 3;
    let word = |index: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&bytes[8 * index..8 * index + 8]);
        u64::from_le_bytes(word)
    };
    let general = |index: usize| word(5 + index);
    let registers = Registers {
        r8: general(0),
        r9: general(1),
        r10: general(2),
        r11: general(3),
        r12: general(4),
        r13: general(5),
        r14: general(6),
        r15: general(7),
        rdi: general(8),
        rsi: general(9),
        rbp: general(10),
        rbx: general(11),
        rdx: general(12),
        rax: general(13),
        rcx: general(14),
        rsp: general(15),
        rip: general(16),
        rflags: before.rflags & !FIX_FLAGS | general(17) & FIX_FLAGS,
        ..*before
    };
    Returned {
        registers,
        mask: word(37),
        stack: AlternateStack {
            base: word(2),
            flags: word(3),
            size: word(4),
        },
        code_segment: word(23) as u16 | OF_PROGRAMS,
        state_address: word(28),
    }
}
