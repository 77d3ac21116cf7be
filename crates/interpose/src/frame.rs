//! The program's registers while it is held.

use core::sync::atomic::{AtomicUsize, Ordering};

use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;

use crate::{guarded_copy, moved_code};

/// How the program came in.
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
    /// A trapped `int 0x80`.
    Int80 = 4,
    /// A trapped function of the vsyscall page, at its entry.
    Vsyscall = 5,
}

/// Registers of a thread of the program, saved on entry and loaded again by [`crate::entry::go_on`].
/// The assembly in `entry` and `extended_state` knows this layout.
#[repr(C, align(64))]
pub struct Frame {
    pub registers: Registers,
    /// Where the program goes on: `registers.rip`, or where the code of that address has been moved.
    /// Set by [`Frame::prepare`] only.
    resume_at: u64,
    pub origin: u64,
    /// System call number of the vDSO function that was called.
    pub vdso: u64,
    /// A [`Way`].
    way: u64,
    /// End of the stack on which `on_entry` runs.
    pub stack_top: u64,
    /// At a patched call site and in a function of the vDSO: where the call returns to, whose code is known
    /// to be at `resume_at`.
    after_call: u64,
    /// Low 128 bits of the vector registers: all that baseline Rust code can disturb.
    pub xmm: [[u64; 2]; 16],
    /// Address of an instruction whose execution is watched, and which has been told: it is executed now. 0: none.
    told: u64,
}

pub(crate) const RESUME_AT: usize = 160;
pub(crate) const ORIGIN: usize = 168;
pub(crate) const VDSO: usize = 176;
pub(crate) const WAY: usize = 184;
pub(crate) const STACK_TOP: usize = 192;
pub(crate) const AFTER_CALL: usize = 200;
pub(crate) const XMM: usize = 208;

const _: () = assert!(core::mem::offset_of!(Frame, resume_at) == RESUME_AT);
const _: () = assert!(core::mem::offset_of!(Frame, origin) == ORIGIN);
const _: () = assert!(core::mem::offset_of!(Frame, vdso) == VDSO);
const _: () = assert!(core::mem::offset_of!(Frame, way) == WAY);
const _: () = assert!(core::mem::offset_of!(Frame, stack_top) == STACK_TOP);
const _: () = assert!(core::mem::offset_of!(Frame, after_call) == AFTER_CALL);
const _: () = assert!(core::mem::offset_of!(Frame, xmm) == XMM);
const _: () = assert!(core::mem::size_of::<Registers>() == RESUME_AT);

/// How the program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Way {
    /// By a jump to `resume_at`.
    Jump = 0,
    /// With the resume flag set, by which a signal handler sees that the program has not executed
    /// anything since. Behind a system call that trapped, the program can come to the same state once more
    /// without coming in: when a pending signal with the same number displaces the trap of the call's
    /// next execution. The flag tells the two apart.
    ResumeFlag = 1,
    /// By a return with the address on its stack: then the processor predicts its later returns.
    Return = 2,
    /// By `iretq`, which alone can set the trap flag so that the program's next instruction is the first to trap.
    Step = 3,
}

fn read_word(address: u64) -> Option<u64> {
    let mut word = [0u8; 8];
    guarded_copy::read(address, &mut word).then(|| u64::from_le_bytes(word))
}

/// RF of the flags: set by `iret`, cleared by the processor when an instruction is done (Intel SDM
/// volume 3, 19.3.1.1), so that the program never sees it.
pub const RESUME_FLAG: u64 = 1 << 16;
/// AC of the flags: accesses that are not aligned fault.
pub const ALIGNMENT_CHECK: u64 = 1 << 18;
/// DF of the flags.
pub const DIRECTION_FLAG: u64 = 1 << 10;

/// Whether an address is one that the processor can go on at, if only to fault there: to jump to another one faults
/// where the jump is.
pub fn is_canonical(address: u64) -> bool {
    /// Of addresses with four levels of pages. With five, a program has code beyond them only if it asks for that place.
    const BITS: u32 = 48;
    let shift = u64::BITS - BITS;
    ((address << shift) as i64 >> shift) as u64 == address
}

impl Frame {
    /// The frame of a thread that has not run yet.
    pub const fn new(stack_top: u64) -> Frame {
        // SAFETY: all of it is numbers.
        let mut frame: Frame = unsafe { core::mem::zeroed() };
        frame.stack_top = stack_top;
        frame
    }

    /// The program is about to go on: find out where its code is now, and by which way.
    #[inline]
    pub(crate) fn prepare(&mut self) {
        let registers = &self.registers;
        let is_patched = self.origin == Origin::Patched as u64;
        let is_known = is_patched || self.origin == Origin::Vdso as u64;
        // The trampoline has said where the code behind its own call is; to ask would take some 10 ns.
        if !is_known || registers.rip != self.after_call {
            self.resume_at = moved_code::table().address_of(registers.rip);
        }
        let is_behind_trap =
            !is_patched && registers.rcx == registers.rip && self.resume_at == registers.rip;
        let is_told = registers.rip == self.told;
        self.told = 0;
        let way = if is_told {
            // With the trap flag, too.
            Way::ResumeFlag
        } else if registers.rflags & TRAP_FLAG != 0 {
            Way::Step
        } else if is_behind_trap {
            Way::ResumeFlag
        } else if self.origin == Origin::Vdso as u64 && self.can_return() {
            Way::Return
        } else {
            Way::Jump
        };
        self.way = way as u64;
    }

    /// Whether the return address of a function of the vDSO is there, and to be used.
    fn can_return(&self) -> bool {
        let at = self.registers.rsp.wrapping_sub(8);
        self.registers.rip == self.after_call && read_word(at) == Some(self.after_call)
    }

    /// The program may go on anywhere, and other code may be where it came in: nothing that was found out then holds.
    pub fn forget_place(&mut self) {
        /// Not an address.
        const NOWHERE: u64 = u64::MAX;
        self.origin = Origin::Patched as u64;
        self.after_call = NOWHERE;
    }

    /// Return from a function of the vDSO as `ret` does.
    #[inline]
    pub fn return_to_caller(&mut self, result: i64) {
        // Where it is not readable the program goes on where nothing is, and faults.
        let address = read_word(self.registers.rsp).unwrap_or(0);
        self.registers.rax = result as u64;
        self.registers.rip = address;
        self.registers.rsp += 8;
        // Code is moved only from behind a `syscall`, not from behind a `call`.
        self.after_call = address;
        self.resume_at = address;
    }

    /// Leave the registers as the kernel does behind a system call.
    #[inline]
    pub fn finish_call(&mut self, result: i64) {
        if self.origin == Origin::Vsyscall as u64 {
            return self.return_to_caller(result);
        }
        let registers = &mut self.registers;
        registers.rax = result as u64;
        // `syscall` has lost them; `int` saves all.
        if self.origin != Origin::Int80 as u64 {
            registers.rcx = registers.rip;
            registers.r11 = registers.rflags;
        }
    }

    /// The thread is before an instruction whose execution is watched: it goes on by executing it, if it goes on there.
    pub fn skip_watch(&mut self) {
        self.told = self.registers.rip;
    }

    /// Whether the program has gone on with the resume flag.
    pub fn is_marked(&self) -> bool {
        self.way == Way::ResumeFlag as u64
    }

    /// Begin where another task of the program is, in the call that makes this one; on this stack, or (0) on that of the other
    /// one.
    pub fn begin_at(&mut self, creator: &Frame, stack: u64) {
        self.registers = creator.registers;
        self.xmm = creator.xmm;
        let registers = &mut self.registers;
        registers.rax = 0;
        if creator.origin != Origin::Int80 as u64 {
            registers.rcx = registers.rip;
            registers.r11 = registers.rflags;
        }
        if stack != 0 {
            registers.rsp = stack;
        }
    }
}

/// Address of the frame of the thread that runs.
pub(crate) static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// The frame of the thread that runs.
#[inline]
pub fn current() -> *mut Frame {
    CURRENT.load(Ordering::Relaxed) as *mut Frame
}

/// From now on the thread of this frame runs.
#[inline]
pub fn set_current(frame: *mut Frame) {
    CURRENT.store(frame as usize, Ordering::Relaxed);
}
