//! What the kernel and the processor have to do before the program's own code can run.

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall2;
use reenact_interpose::arming::{self, Region};
use reenact_trace::layout;

use crate::options::Options;

/// Calls from these addresses are ours (high halves); all others trap.
pub const CALLS_OF_OURS: (u32, u32) = (
    (layout::REGION_START >> 32) as u32,
    (layout::REGION_END >> 32) as u32,
);

/// Whether the segment bases can be exchanged at each crossing: the kernel says that programs may (FSGSBASE).
///
/// # Safety
/// `arguments` is where the kernel has put `argc`.
pub unsafe fn is_possible(arguments: *const u64) -> bool {
    const AT_NULL: u64 = 0;
    const AT_HWCAP2: u64 = 26;
    const FSGSBASE: u64 = 1 << 1;
    // SAFETY: arguments, a zero, the environment, a zero, the auxiliary vector up to AT_NULL.
    unsafe {
        let mut at = arguments.add(2 + arguments.read() as usize);
        while at.read() != 0 {
            at = at.add(1);
        }
        at = at.add(1);
        loop {
            match at.read() {
                AT_NULL => return false,
                AT_HWCAP2 => return at.add(1).read() & FSGSBASE != 0,
                _ => at = at.add(2),
            }
        }
    }
}

/// Have the program's calls trap, and its reading of the time-stamp counter, for this process and all it forks. The
/// sandbox traps calls where there is one. False: nothing can run natively.
pub fn arm(options: &Options) -> bool {
    if !options.native {
        return false;
    }
    let region = Region {
        start: layout::REGION_START,
        end: layout::REGION_END,
    };
    if !options.sandbox && arming::install_filter(region) != 0 {
        return false;
    }
    // SAFETY: nothing of ours reads the counter.
    unsafe { syscall2(n::PRCTL, n::PR_SET_TSC, n::PR_TSC_SIGSEGV) == 0 }
}
