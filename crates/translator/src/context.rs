//! State shared between translated code, the gate and signal handlers.

use core::mem::offset_of;
use reenact_trace::Registers;

/// Offset of a field of the context.
macro_rules! field {
    ($name:ident) => {
        core::mem::offset_of!($crate::context::Context, $name) as u32
    };
}
pub(crate) use field;

/// How much vector state [`crate::Translator::run`] keeps safe while Rust code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorSaving {
    /// The low halves of xmm0–15 and MXCSR: enough for code compiled for baseline x86-64 that
    /// touches neither x87 nor AVX. The rest stays in the processor.
    Sse,
    /// Everything (XSAVE), and the fs base (`registers.fs_base` is the guest's): for hosts with a C
    /// library, such as tests. Needs the FSGSBASE instructions.
    Full,
}

/// What [`Context::redirect_fault`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The fault happened in translated code: return from the signal handler; the translator
    /// goes on (self-modifying code) or `run` returns [`crate::Stop::Fault`].
    Redirected,
    /// Not in translated code: a failure of our own.
    NotOurs,
}

/// Offset of the table of watched pieces of memory from the context.
pub(crate) const FILTER_OFFSET: usize = 64 << 10;
/// Its entries, a byte each.
pub(crate) const FILTER_SIZE: usize = 1 << 16;
/// Entries of the table of indirect branch targets, indexed by 16 bits of the guest address: the low ones, or
/// where the processor can do that at no cost those above the lowest [`TABLE_GRAIN`]. Functions are aligned, so that a
/// word in sixteen and more would lie idle, and the cache lines with them.
pub(crate) const TABLE_ENTRIES: usize = 1 << 16;
/// Addresses with all but these low bits in common share an entry.
pub(crate) const TABLE_GRAIN: u32 = 5;
/// Offset of that table from the context.
pub(crate) const TABLE_OFFSET: usize = FILTER_OFFSET + FILTER_SIZE;
/// Slots for landings of returns, selected by the low 16 bits of the guest's stack pointer.
pub(crate) const SHADOW_ENTRIES: usize = 1 << 16;
/// Offset of those slots from the context; they are right behind the table of targets.
pub(crate) const SHADOW_OFFSET: usize = TABLE_OFFSET + TABLE_ENTRIES * 8;
/// Offset of translated code from the context.
pub(crate) const CODE_OFFSET: usize = SHADOW_OFFSET + SHADOW_ENTRIES * 8;
/// Room for the XSAVE area (with AMX tiles it is about 11 KiB).
pub(crate) const XSAVE_SIZE: usize = 16 << 10;

/// Value of `Context::exit` after an indirect branch to an unknown target.
pub(crate) const EXIT_INDIRECT: u32 = 0;
/// Value of `Context::exit` after a fault in translated code.
pub(crate) const EXIT_FAULT: u32 = 1;
/// The first number that stands for an entry of the table of exits.
pub(crate) const EXIT_FIRST: u32 = 2;

/// Number of budgets.
pub(crate) const BUDGETS: usize = 8;

/// Offset of the budget that a block charges.
pub(crate) fn budget_offset(block: u32) -> u32 {
    field!(budgets) + block % BUDGETS as u32 * 8
}

/// Taken off every budget by [`Context::interrupt`].
pub(crate) const INTERRUPT: i64 = 1 << 60;

/// State at the start of the code cache; the gs base points here while translated code runs.
#[repr(C, align(64))]
pub struct Context {
    /// The guest's registers while translated code does not run. `fs_base` is the
    /// owner's business, except with [`VectorSaving::Full`].
    pub registers: Registers,
    /// Instructions that may still be executed at full speed: the sum. Blocks take turns in which one they
    /// charge, so that the subtractions of one block do not wait for those of the one before.
    pub(crate) budgets: [i64; BUDGETS],
    /// Value of the register named by an instruction's first scratch, or of rcx at indirect branches.
    pub(crate) spill_a: u64,
    /// Second scratch, or r10 at indirect branches.
    pub(crate) spill_b: u64,
    /// rcx in accounting code that must preserve the flags.
    pub(crate) spill_c: u64,
    /// The guest's stack pointer during a host return.
    pub(crate) spill_rsp: u64,
    /// Address of the slots for landings.
    pub(crate) shadow: u64,
    /// Which exit was taken.
    pub(crate) exit: u32,
    pub(crate) interrupted: u32,
    /// Address of the memory operand of an instruction that stores x87 state.
    pub(crate) operand: u64,
    /// What a far return has loaded from the stack.
    pub(crate) popped: [u64; crate::far_return::MOST_WORDS],
    /// Address that an instruction accesses while memory is watched.
    pub(crate) watched: u64,
    pub(crate) host_rsp: u64,
    pub(crate) host_fs: u64,
    /// Where the gate jumps to.
    pub(crate) entry: u64,
    /// Address of the gate's way out, for an indirect jump.
    pub(crate) exit_gate: u64,
    /// 0: SSE, 1: XSAVE.
    pub(crate) vector_mode: u32,
    pub(crate) mxcsr: u32,
    pub(crate) default_mxcsr: u32,
    pub(crate) running: u32,
    pub(crate) code_start: u64,
    pub(crate) code_end: u64,
    pub(crate) fault_signal: i32,
    pub(crate) fault_code: i32,
    pub(crate) fault_address: u64,
    pub(crate) xmm: [[u8; 16]; 16],
    pub(crate) xsave: XsaveArea,
}

#[repr(C, align(64))]
pub(crate) struct XsaveArea(pub [u8; XSAVE_SIZE]);

const _: () = assert!(core::mem::size_of::<Context>() <= FILTER_OFFSET);

impl Context {
    /// Share out a budget; returns how much of it. Part `sampled` gets `sample` at most.
    pub(crate) fn spread(&mut self, budget: i64, sampled: usize, sample: i64) -> i64 {
        let part = budget / BUDGETS as i64;
        let small = part.min(sample);
        let penalty = if self.interrupted != 0 { INTERRUPT } else { 0 };
        self.budgets = [part - penalty; BUDGETS];
        self.budgets[sampled % BUDGETS] = small - penalty;
        part * (BUDGETS as i64 - 1) + small
    }

    /// What is left of it.
    pub(crate) fn collect(&self) -> i64 {
        let without_penalty = |&budget: &i64| {
            if budget < -(INTERRUPT / 2) {
                budget + INTERRUPT
            } else {
                budget
            }
        };
        self.budgets.iter().map(without_penalty).sum()
    }

    /// Make `run` return [`crate::Stop::Interrupted`] soon; for use in a handler of an asynchronous
    /// signal. May rarely be lost, so repeat it (a timer) until it has worked.
    ///
    /// # Safety
    /// `context` is that of a live translator, and the handler runs on that translator's thread: translated
    /// code charges the budgets by plain subtractions, which another thread would undo.
    pub unsafe fn interrupt(context: *mut Context) {
        // SAFETY: by contract.
        let context = unsafe { &mut *context };
        context.interrupted = 1;
        for budget in &mut context.budgets {
            if *budget >= 0 {
                *budget -= INTERRUPT;
            }
        }
    }
}

/// Offset of a guest register, numbered as in machine code.
pub(crate) fn register_offset(number: u8) -> usize {
    const ORDER: [usize; 16] = [
        offset_of!(Registers, rax),
        offset_of!(Registers, rcx),
        offset_of!(Registers, rdx),
        offset_of!(Registers, rbx),
        offset_of!(Registers, rsp),
        offset_of!(Registers, rbp),
        offset_of!(Registers, rsi),
        offset_of!(Registers, rdi),
        offset_of!(Registers, r8),
        offset_of!(Registers, r9),
        offset_of!(Registers, r10),
        offset_of!(Registers, r11),
        offset_of!(Registers, r12),
        offset_of!(Registers, r13),
        offset_of!(Registers, r14),
        offset_of!(Registers, r15),
    ];
    ORDER[usize::from(number & 15)]
}
