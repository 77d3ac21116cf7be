//! The program's registers while the recorder runs.

use reenact_trace::Registers;

/// How control came to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Origin {
    /// A trapped system call.
    Trap = 0,
    /// A patched call site.
    Patched = 1,
    /// A vDSO function; `Frame::vdso` has its system call number.
    Vdso = 2,
    /// A signal that was redirected here: a fault, or a signal to deliver at once.
    Signal = 3,
}

/// Registers of the program, saved on entry and loaded again by `entry::resume`.
/// The assembly in `entry` knows this layout.
#[repr(C, align(64))]
pub struct Frame {
    pub registers: Registers,
    /// Where `resume` jumps: `registers.rip`, or the trampoline's tail for a patched site.
    pub resume_at: u64,
    pub origin: u64,
    /// System call number of the vDSO function that was called.
    pub vdso: u64,
    /// 1: `resume` sets the resume flag, by which a signal handler sees that the program has not
    /// executed anything since. See [`Frame::mark`].
    pub marked: u64,
    /// Low 128 bits of the vector registers: all that baseline Rust code can disturb.
    pub xmm: [[u64; 2]; 16],
}

pub const REGISTERS_END: usize = 160;
pub const RESUME_AT: usize = 160;
pub const ORIGIN: usize = 168;
pub const VDSO: usize = 176;
pub const MARKED: usize = 184;
pub const XMM: usize = 192;

const _: () = assert!(core::mem::offset_of!(Frame, resume_at) == RESUME_AT);
const _: () = assert!(core::mem::offset_of!(Frame, origin) == ORIGIN);
const _: () = assert!(core::mem::offset_of!(Frame, vdso) == VDSO);
const _: () = assert!(core::mem::offset_of!(Frame, marked) == MARKED);
const _: () = assert!(core::mem::offset_of!(Frame, xmm) == XMM);
const _: () = assert!(core::mem::size_of::<Registers>() == REGISTERS_END);

/// RF of the flags: set by `iret`, cleared by the processor when an instruction is done (Intel SDM
/// volume 3, 19.3.1.1), so that the program never sees it.
pub const RESUME_FLAG: u64 = 1 << 16;

impl Frame {
    /// The program is about to go on. Behind a system call that trapped it can come to the same state
    /// once more, without entering the recorder: when the trap of the call's next execution is
    /// swallowed. The two are told apart by the resume flag.
    #[inline]
    pub fn mark(&mut self) {
        let registers = &self.registers;
        let is_behind_trap = registers.rcx == registers.rip && self.resume_at == registers.rip;
        self.marked = u64::from(is_behind_trap);
    }
}
