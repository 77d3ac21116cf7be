//! Runs code natively until it raises a signal, and captures the state there.

use std::arch::global_asm;
use std::mem::offset_of;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::Mutex;

use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::Registers;
use reenact_translator::{Context, FaultOutcome};

/// Room for the standard XSAVE image of any processor (about 11 KiB with AMX tiles).
pub const XSAVE_SIZE: usize = 16 << 10;

#[repr(C, align(64))]
#[derive(Clone)]
pub struct Vectors(pub [u8; XSAVE_SIZE]);

/// State at a signal.
#[repr(C)]
#[derive(Clone)]
pub struct Capture {
    pub registers: Registers,
    pub host_rsp: u64,
    pub vectors: Vectors,
    pub signal: i32,
    pub code: i32,
    pub address: u64,
}

global_asm!(
    // fn(capture: rdi): loads its registers and vectors, jumps to rip.
    ".globl harness_enter",
    "harness_enter:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rdi + {host_rsp}], rsp",
    "mov eax, -1",
    "mov edx, -1",
    "xrstor64 [rdi + {vectors}]",
    "push qword ptr [rdi + {rflags}]",
    "popfq",
    "mov rax, [rdi + {rip}]",
    "mov [rip + harness_target], rax",
    "mov rax, [rdi + {rax}]",
    "mov rcx, [rdi + {rcx}]",
    "mov rdx, [rdi + {rdx}]",
    "mov rbx, [rdi + {rbx}]",
    "mov rsp, [rdi + {rsp}]",
    "mov rbp, [rdi + {rbp}]",
    "mov rsi, [rdi + {rsi}]",
    "mov r8, [rdi + {r8}]",
    "mov r9, [rdi + {r9}]",
    "mov r10, [rdi + {r10}]",
    "mov r11, [rdi + {r11}]",
    "mov r12, [rdi + {r12}]",
    "mov r13, [rdi + {r13}]",
    "mov r14, [rdi + {r14}]",
    "mov r15, [rdi + {r15}]",
    "mov rdi, [rdi + {rdi}]",
    "jmp [rip + harness_target]",
    // Resumed here by the signal handler with rdi = capture.
    ".globl harness_leave",
    "harness_leave:",
    "mov rsp, [rdi + {host_rsp}]",
    "push 0x202",
    "popfq",
    "fninit",
    "push 0x1f80",
    "ldmxcsr [rsp]",
    "add rsp, 16",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
    // The kernel leaves the program's alignment check on for a handler, which may be compiled to
    // accesses that are not aligned.
    ".globl harness_handler",
    "harness_handler:",
    "pushfq",
    "and dword ptr [rsp], {no_alignment_check}",
    "popfq",
    "jmp {handler}",
    ".data",
    ".balign 64",
    "harness_target: .quad 0",
    ".balign 64",
    ".text",
    handler = sym handler,
    no_alignment_check = const !(1i32 << 18),
    host_rsp = const offset_of!(Capture, host_rsp),
    vectors = const offset_of!(Capture, vectors),
    rflags = const offset_of!(Registers, rflags),
    rip = const offset_of!(Registers, rip),
    rax = const offset_of!(Registers, rax),
    rcx = const offset_of!(Registers, rcx),
    rdx = const offset_of!(Registers, rdx),
    rbx = const offset_of!(Registers, rbx),
    rsp = const offset_of!(Registers, rsp),
    rbp = const offset_of!(Registers, rbp),
    rsi = const offset_of!(Registers, rsi),
    rdi = const offset_of!(Registers, rdi),
    r8 = const offset_of!(Registers, r8),
    r9 = const offset_of!(Registers, r9),
    r10 = const offset_of!(Registers, r10),
    r11 = const offset_of!(Registers, r11),
    r12 = const offset_of!(Registers, r12),
    r13 = const offset_of!(Registers, r13),
    r14 = const offset_of!(Registers, r14),
    r15 = const offset_of!(Registers, r15),
);

unsafe extern "C" {
    fn harness_enter(capture: *mut Capture);
    static harness_leave: u8;
    static harness_handler: u8;
}

static CAPTURE: AtomicPtr<Capture> = AtomicPtr::new(std::ptr::null_mut());
/// Where the instruction pointers go while a program steps itself.
static STEPS: AtomicPtr<Vec<u64>> = AtomicPtr::new(std::ptr::null_mut());
static CONTEXT: AtomicPtr<Context> = AtomicPtr::new(std::ptr::null_mut());
/// Set by the watchdog.
pub static TIMED_OUT: AtomicU32 = AtomicU32::new(0);
/// Number of the current case, and that at the watchdog's last look.
pub static CASE: AtomicU32 = AtomicU32::new(0);
static SEEN: AtomicU32 = AtomicU32::new(0);

const GREGS: [usize; 18] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17];

unsafe extern "C" fn handler(signal: i32, info: *mut libc::siginfo_t, ucontext: *mut u8) {
    unsafe {
        if signal == libc::SIGALRM {
            let case = CASE.load(Ordering::Relaxed);
            if SEEN.swap(case, Ordering::Relaxed) != case {
                return;
            }
        }
        let capture = CAPTURE.load(Ordering::Relaxed);
        let steps = STEPS.load(Ordering::Relaxed);
        if !steps.is_null() && signal == libc::SIGTRAP {
            // Not by `si_code`: a virtual machine may lose what the debug register says.
            const DEBUG_EXCEPTION: u64 = 1;
            if *ucontext.add(40 + 20 * 8).cast::<u64>() == DEBUG_EXCEPTION {
                (*steps).push(*ucontext.add(40 + 16 * 8).cast::<u64>());
                return;
            }
        }
        if !capture.is_null() {
            return capture_native(&mut *capture, signal, info.cast(), ucontext);
        }
        let context = CONTEXT.load(Ordering::Relaxed);
        if signal == libc::SIGALRM {
            TIMED_OUT.store(1, Ordering::Relaxed);
            if !context.is_null() {
                Context::interrupt(context);
            }
            return;
        }
        if !context.is_null() {
            let outcome = Context::redirect_fault(context, signal, info.cast(), ucontext);
            if outcome == FaultOutcome::Redirected {
                return;
            }
        }
        let rip = *ucontext.add(40 + 16 * 8).cast::<u64>();
        let address = *info.cast::<u8>().add(16).cast::<u64>();
        let message = format!("harness: signal {signal} at {rip:#x}, address {address:#x}\n");
        libc::write(2, message.as_ptr().cast(), message.len());
        libc::signal(signal, libc::SIG_DFL);
        if signal == libc::SIGTRAP {
            libc::abort();
        }
    }
}

unsafe fn capture_native(capture: &mut Capture, signal: i32, info: *const u8, ucontext: *mut u8) {
    unsafe {
        let gregs = &mut *ucontext.add(40).cast::<[u64; 23]>();
        let registers = (&raw mut capture.registers).cast::<u64>();
        for (index, &greg) in GREGS.iter().enumerate() {
            registers.add(index).write(gregs[greg]);
        }
        capture.signal = signal;
        capture.code = info.add(8).cast::<i32>().read();
        capture.address = info.add(16).cast::<u64>().read();
        let state = *ucontext.add(40 + 23 * 8).cast::<*const u8>();
        // The size of the frame is in the software-reserved bytes.
        let size = state.add(464 + 16).cast::<u32>().read() as usize;
        std::ptr::copy_nonoverlapping(state, capture.vectors.0.as_mut_ptr(), size.min(XSAVE_SIZE));
        if signal == libc::SIGALRM {
            TIMED_OUT.store(1, Ordering::Relaxed);
        }
        gregs[16] = &raw const harness_leave as u64;
        gregs[8] = capture as *mut Capture as u64;
        gregs[17] = 0x202;
    }
}

/// Install the handlers, on an alternate stack.
pub fn install() {
    unsafe {
        let size = 1 << 20;
        let stack = libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        let alternate = libc::stack_t {
            ss_sp: stack,
            ss_flags: 0,
            ss_size: size,
        };
        assert_eq!(libc::sigaltstack(&alternate, std::ptr::null_mut()), 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = &raw const harness_handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        for signal in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGALRM,
        ] {
            assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        }
    }
}

pub fn set_context(context: *mut Context) {
    CONTEXT.store(context, Ordering::Relaxed);
}

/// The watchdog's timer, if there is one.
static WATCHDOG: Mutex<Option<Timer>> = Mutex::new(None);

struct Timer(libc::timer_t);

// SAFETY: a number of the kernel's that any thread of the process may use.
unsafe impl Send for Timer {}

/// Start (or with 0 stop) the watchdog, whose signals come to the calling thread: [`Context::interrupt`]
/// changes budgets that translated code charges with plain subtractions, and a handler that ran on another
/// thread at that moment would undo some of them.
pub fn watchdog(milliseconds: i64) {
    let mut watchdog = WATCHDOG.lock().expect("no holder panics");
    if let Some(Timer(timer)) = watchdog.take() {
        // SAFETY: made below, and deleted once.
        assert_eq!(unsafe { libc::timer_delete(timer) }, 0);
    }
    if milliseconds == 0 {
        return;
    }
    let value = libc::timespec {
        tv_sec: milliseconds / 1000,
        tv_nsec: milliseconds % 1000 * 1_000_000,
    };
    let times = libc::itimerspec {
        it_interval: value,
        it_value: value,
    };
    // SAFETY: plain system calls on values that live here; all zeroes is a valid `sigevent`.
    unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGALRM;
        event.sigev_notify_thread_id = libc::gettid();
        let mut timer = std::ptr::null_mut();
        assert_eq!(
            libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer),
            0
        );
        *watchdog = Some(Timer(timer));
        assert_eq!(
            libc::timer_settime(timer, 0, &times, std::ptr::null_mut()),
            0
        );
    }
}

/// Run natively from the state in `capture` until a signal; the state is then that at the signal.
pub fn run(capture: &mut Capture) {
    CAPTURE.store(capture, Ordering::Relaxed);
    unsafe { harness_enter(capture) };
    CAPTURE.store(std::ptr::null_mut(), Ordering::Relaxed);
}

/// The same with the trap flag set: where the program is behind each instruction, and behind some of ours before.
pub fn run_stepped(capture: &mut Capture) -> Vec<u64> {
    let mut steps = Vec::new();
    capture.registers.rflags |= TRAP_FLAG;
    STEPS.store(&mut steps, Ordering::Relaxed);
    run(capture);
    STEPS.store(std::ptr::null_mut(), Ordering::Relaxed);
    steps
}

/// The initial vector state.
pub fn initial_vectors() -> Vectors {
    let mut vectors = Vectors([0; XSAVE_SIZE]);
    vectors.0[0..2].copy_from_slice(&0x37fu16.to_le_bytes());
    vectors.0[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
    vectors
}
