//! The handler of fault signals: routes faults of the program to the engine that runs it, survives those
//! of guarded copies, and reports our own.

use core::arch::naked_asm;
use core::sync::atomic::{AtomicPtr, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall2, syscall4};
use reenact_translator::{Context, FaultOutcome};

use crate::address_space::{SIGNAL_STACK_ADDRESS, SIGNAL_STACK_SIZE};
use crate::guarded_copy;
use crate::native::gate;
use crate::report;

static CONTEXT: AtomicPtr<Context> = AtomicPtr::new(core::ptr::null_mut());

/// The kernel's `struct sigaction`.
#[repr(C)]
struct Action {
    handler: u64,
    flags: u64,
    restorer: u64,
    mask: u64,
}

/// SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV; SIGSYS of system calls of the program's own code, and ticks meanwhile.
const SIGNALS: [u64; 7] = [4, 5, 7, 8, 11, n::SIGSYS as u64, n::SIGALRM as u64];
/// Word of the ucontext that holds rip (40 bytes before the sigcontext, rip is its word 16).
const RIP_WORD: usize = 5 + 16;

/// Install the handlers for the translator with this context.
pub fn install(context: *mut Context) -> Result<(), &'static str> {
    CONTEXT.store(context, Ordering::Relaxed);
    let stack = [SIGNAL_STACK_ADDRESS, 0, SIGNAL_STACK_SIZE];
    let action = Action {
        handler: entry as *const () as u64,
        flags: n::SA_SIGINFO | n::SA_ONSTACK | n::SA_RESTORER | n::SA_NODEFER | n::SA_RESTART,
        restorer: restorer as *const () as u64,
        mask: 0,
    };
    // SAFETY: the structures are as the kernel wants them; the stack is mapped for good.
    unsafe {
        if syscall2(n::SIGALTSTACK, stack.as_ptr() as u64, 0) != 0 {
            return Err("cannot set the signal stack");
        }
        for signal in SIGNALS {
            let address = core::ptr::from_ref(&action) as u64;
            if syscall4(n::RT_SIGACTION, signal, address, 0, 8) != 0 {
                return Err("cannot install the fault handler");
            }
        }
    }
    Ok(())
}

#[unsafe(naked)]
unsafe extern "C" fn restorer() {
    naked_asm!("mov eax, 15", "syscall")
}

/// The program's flags are still in force in a signal handler: with its alignment check our own
/// unaligned accesses would fault, without end.
#[unsafe(naked)]
unsafe extern "C" fn entry() {
    naked_asm!(
        "push 0x202",
        "popfq",
        "jmp {handler}",
        handler = sym handler,
    )
}

unsafe extern "C" fn handler(signal: i32, info: *const u8, ucontext: *mut u8) {
    // SAFETY: the kernel's pointers.
    if unsafe { gate::take(signal as u32, info, ucontext) } {
        return;
    }
    // SAFETY: the kernel's ucontext is that long and aligned.
    let ip = unsafe { &mut *ucontext.cast::<u64>().add(RIP_WORD) };
    let recovery =
        guarded_copy::recovery(*ip).or_else(|| reenact_interpose::guarded_copy::fixup(*ip));
    if let Some(recovery) = recovery {
        *ip = recovery;
        return;
    }
    let context = CONTEXT.load(Ordering::Relaxed);
    // SAFETY: the context is that of the live translator, the rest is from the kernel.
    let outcome = unsafe { Context::redirect_fault(context, signal, info, ucontext) };
    if outcome == FaultOutcome::NotOurs {
        // SAFETY: si_addr is at 16 bytes of the siginfo.
        let address = unsafe { info.cast::<u64>().add(2).read_unaligned() };
        report::internal_fault(signal, *ip, address);
    }
}
