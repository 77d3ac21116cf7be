//! What the kernel gives a signal handler of ours: the interrupted program's registers.

use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;

use crate::entry;
use crate::frame::{Frame, Origin, ALIGNMENT_CHECK, DIRECTION_FLAG};

/// `ucontext_t` as the kernel lays it out (arch/x86/include/uapi/asm/sigcontext.h).
#[repr(C)]
pub struct UserContext {
    pub flags: u64,
    pub link: u64,
    pub stack: [u64; 3],
    /// r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags
    pub general: [u64; 18],
    pub selectors: u64,
    pub error: u64,
    pub trap: u64,
    pub old_mask: u64,
    pub cr2: u64,
    pub fpstate: u64,
    pub reserved: [u64; 8],
    pub mask: u64,
}

/// Places in [`UserContext::general`].
pub const RDI: usize = 8;
pub const RSI: usize = 9;
pub const RAX: usize = 13;
pub const RCX: usize = 14;
pub const RSP: usize = 15;
pub const RIP: usize = 16;
pub const FLAGS: usize = 17;

impl UserContext {
    /// `others` with the registers of the interrupted program in place of the general ones.
    pub fn registers(&self, others: &Registers) -> Registers {
        let g = &self.general;
        let mut r = *others;
        (r.r8, r.r9, r.r10, r.r11) = (g[0], g[1], g[2], g[3]);
        (r.r12, r.r13, r.r14, r.r15) = (g[4], g[5], g[6], g[7]);
        (r.rdi, r.rsi, r.rbp, r.rbx) = (g[8], g[9], g[10], g[11]);
        (r.rdx, r.rax, r.rcx, r.rsp) = (g[12], g[13], g[14], g[15]);
        (r.rip, r.rflags) = (g[16], g[17]);
        r
    }

    /// Let the interrupted program come in (`on_entry`) when the handler returns.
    pub fn redirect(&mut self, frame: &mut Frame, origin: Origin) {
        frame.registers = self.registers(&frame.registers);
        frame.origin = origin as u64;
        self.general[RIP] = entry::redirected_entry as *const () as u64;
        self.general[RSP] = frame.stack_top;
        // These of the program must not reach our code.
        self.general[FLAGS] &= !(DIRECTION_FLAG | TRAP_FLAG | ALIGNMENT_CHECK);
    }
}
