//! The way into the program's own code and back. The program comes in as it does in the recorder
//! (`reenact_interpose::entry`); here it is a return from [`enter`].

use core::arch::naked_asm;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering};

use reenact_freestanding::numbers::{SIGSYS, SIGTRAP};
use reenact_interpose::execution_watch::{SIGNAL_DATA_AT, TRAP_PERF};
use reenact_interpose::user_context::UserContext;
use reenact_interpose::{entry, frame, trapped_call, Frame, Origin};
use reenact_trace::layout;

use crate::ticks;

/// What is exchanged at the border beside the frame.
#[repr(C)]
pub struct Crossing {
    host_rsp: u64,
    host_gs: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub mxcsr: u32,
    host_mxcsr: u32,
}

/// What the signal said by which the program came in ([`Origin::Signal`]).
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    pub signal: u32,
    /// `si_code`.
    pub code: i32,
    /// Number and error code of the processor's exception.
    pub number: u64,
    pub error: u64,
    /// What a page fault was about; where a watch begins ([`TRAP_PERF`]), or 0 for an instruction.
    pub address: u64,
}

static mut FRAME: Frame = Frame::new(0);
static mut CROSSING: Crossing = Crossing {
    host_rsp: 0,
    host_gs: 0,
    fs_base: 0,
    gs_base: 0,
    mxcsr: 0,
    host_mxcsr: 0,
};
static mut TRAP: Trap = Trap {
    signal: 0,
    code: 0,
    number: 0,
    error: 0,
    address: 0,
};
/// Whether the program's own code runs.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// The state with which the program goes on, and in which it has come in: there is one thread.
pub fn state() -> (&'static mut Frame, &'static mut Crossing) {
    // SAFETY: one thread, and callers do not keep the references while the program runs.
    unsafe {
        (
            &mut *(&raw mut FRAME).cast(),
            &mut *(&raw mut CROSSING).cast(),
        )
    }
}

/// What brought the program in, after [`Origin::Signal`].
pub fn trap() -> Trap {
    // SAFETY: written by the handler only, while the program runs.
    unsafe { TRAP }
}

/// Run the program's code from the state in [`state`] until it comes in.
///
/// # Safety
/// All but the reserved region is the program's, and the kernel traps its system calls.
pub unsafe fn enter() {
    frame::set_current(&raw mut FRAME);
    RUNS.store(1, Ordering::Relaxed);
    // SAFETY: by contract. What the C ABI lets a callee change is treated as changed.
    unsafe { reenact_native_enter(&raw mut FRAME, &raw mut CROSSING) };
}

#[unsafe(naked)]
unsafe extern "C" fn reenact_native_enter(frame: *mut Frame, crossing: *mut Crossing) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rsi + {host_rsp}], rsp",
        "mov [rdi + {stack_top}], rsp",
        "rdgsbase rax",
        "mov [rsi + {host_gs}], rax",
        "mov rax, [rsi + {gs_base}]",
        "wrgsbase rax",
        "stmxcsr [rsi + {host_mxcsr}]",
        "ldmxcsr [rsi + {mxcsr}]",
        // Not by a call: a return that never comes would spoil what the processor expects of all others.
        "mov rbx, rdi",
        "call {prepare}",
        "mov rdi, rbx",
        "jmp {resume}",
        host_rsp = const offset_of!(Crossing, host_rsp),
        host_gs = const offset_of!(Crossing, host_gs),
        gs_base = const offset_of!(Crossing, gs_base),
        mxcsr = const offset_of!(Crossing, mxcsr),
        host_mxcsr = const offset_of!(Crossing, host_mxcsr),
        stack_top = const offset_of!(Frame, stack_top),
        prepare = sym entry::prepare,
        resume = sym entry::resume,
    )
}

/// The program has come in: its registers are in the frame, and the stack is ours.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn on_entry(frame: *mut Frame) {
    naked_asm!(
        "mov qword ptr [rip + {runs}], 0",
        "lea rsi, [rip + {crossing}]",
        "stmxcsr [rsi + {mxcsr}]",
        "ldmxcsr [rsi + {host_mxcsr}]",
        "rdfsbase rax",
        "mov [rsi + {fs_base}], rax",
        "rdgsbase rax",
        "mov [rsi + {gs_base}], rax",
        "mov rax, [rsi + {host_gs}]",
        "wrgsbase rax",
        "mov rsp, [rsi + {host_rsp}]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
        runs = sym RUNS,
        crossing = sym CROSSING,
        host_rsp = const offset_of!(Crossing, host_rsp),
        host_gs = const offset_of!(Crossing, host_gs),
        fs_base = const offset_of!(Crossing, fs_base),
        gs_base = const offset_of!(Crossing, gs_base),
        mxcsr = const offset_of!(Crossing, mxcsr),
        host_mxcsr = const offset_of!(Crossing, host_mxcsr),
    )
}

/// A signal has come. If the program's own code has raised it, the program comes in when the handler
/// returns.
///
/// # Safety
/// The pointers are those that the kernel has given the handler.
pub unsafe fn take(signal: u32, info: *const u8, context: *mut u8) -> bool {
    /// Of a page fault: an instruction was fetched (arch/x86/include/asm/trap_pf.h).
    const FETCH: u64 = 1 << 4;
    let is_tick = signal == ticks::SIGNAL;
    let is_wanted = !is_tick || ticks::note();
    // SAFETY: by contract.
    let (info, context) = unsafe {
        (
            &*info.cast::<[u64; 4]>(),
            &mut *context.cast::<UserContext>(),
        )
    };
    let is_watch = signal == SIGTRAP && info[1] as i32 == TRAP_PERF;
    // What our own code touches is no hit.
    let is_passed = is_tick || is_watch;
    if RUNS.load(Ordering::Relaxed) == 0 || !is_wanted {
        return is_passed;
    }
    let ip = context.general[reenact_interpose::user_context::RIP];
    let is_fetched = context.error & FETCH != 0 && context.cr2 == ip;
    if layout::is_reserved(ip) && (is_passed || !is_fetched) {
        return is_passed;
    }
    // SAFETY: nobody else uses them while the program runs.
    let frame: &mut Frame = unsafe { &mut *(&raw mut FRAME).cast() };
    if signal == SIGSYS {
        trapped_call::redirect(context, frame, info);
        return true;
    }
    // SAFETY: as above.
    unsafe {
        TRAP = Trap {
            signal,
            code: info[1] as i32,
            number: context.trap,
            error: context.error,
            address: if is_watch {
                info[SIGNAL_DATA_AT]
            } else {
                context.cr2
            },
        };
    }
    context.redirect(frame, Origin::Signal);
    true
}
