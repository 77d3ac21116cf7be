//! CPUID in code that is in no file. Just-in-time compilers write such code and run it, and some
//! answers (the number of the processor) depend on where the thread happens to be: the JVM
//! generates the function by which it learns what it runs on.
//!
//! From the moment a program makes memory executable whose instructions nobody has looked at
//! (`unknown_code`), CPUID faults in it, is performed here and logged. That takes CPUID faulting (`arch_prctl`
//! ARCH_SET_CPUID), which most processors of Intel have, and virtual machines on them. Not from
//! the start, and not for every program: the kernel writes a register of the processor at each
//! switch between a thread that faults and one that does not, which costs a virtual machine an exit.
//! Where CPUID cannot fault, see `pinning`.

use core::arch::x86_64::{__cpuid_count, CpuidResult};
use core::sync::atomic::{AtomicU32, Ordering};

use reenact_freestanding::numbers::ARCH_PRCTL;
use reenact_freestanding::syscall::syscall2;

use crate::arena;

/// `option` of `arch_prctl` (arch/x86/include/uapi/asm/prctl.h).
pub const ARCH_GET_CPUID: u64 = 0x1011;
const ARCH_SET_CPUID: u64 = 0x1012;

/// Whether CPUID faults in this process.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Faulting {
    /// No code has needed it.
    Unneeded = 0,
    /// CPUID faults in every thread.
    On = 1,
    /// This processor cannot make it fault.
    Unavailable = 2,
}
static STATE: AtomicU32 = AtomicU32::new(Faulting::Unneeded as u32);

/// What has been found out or begun.
pub fn faulting() -> Faulting {
    match STATE.load(Ordering::Relaxed) {
        0 => Faulting::Unneeded,
        1 => Faulting::On,
        _ => Faulting::Unavailable,
    }
}

/// Let CPUID fault in the calling thread and, as the others take their turns, in those.
pub fn begin_faulting() -> Faulting {
    let state = if set(false) {
        Faulting::On
    } else {
        Faulting::Unavailable
    };
    STATE.store(state as u32, Ordering::Relaxed);
    state
}

/// Let CPUID fault in the calling thread, too.
pub fn join_faulting() {
    set(false);
}

/// The calling thread is led out of the recording.
pub fn end_faulting() {
    if faults() {
        set(true);
    }
}

/// Whether CPUID of the program faults.
#[inline]
pub fn faults() -> bool {
    STATE.load(Ordering::Relaxed) == Faulting::On as u32
}

fn set(enabled: bool) -> bool {
    // SAFETY: about the calling thread only.
    unsafe { syscall2(ARCH_PRCTL, ARCH_SET_CPUID, u64::from(enabled)) == 0 }
}

/// Ask the processor, whether or not the program may; or the arena, where the answer is known.
pub fn ask(leaf: u32, subleaf: u32) -> CpuidResult {
    if let Some([eax, ebx, ecx, edx]) = arena::cpuid_answer(leaf, subleaf) {
        return CpuidResult { eax, ebx, ecx, edx };
    }
    if !faults() {
        return __cpuid_count(leaf, subleaf);
    }
    set(true);
    let answer = __cpuid_count(leaf, subleaf);
    set(false);
    answer
}
