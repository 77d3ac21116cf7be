//! What is begun when a program makes memory executable whose instructions nobody has looked at: CPUID
//! faults from then on (`cpuid`) or, where it cannot, the thread stays on its processor (`pinning`).

use crate::cpuid::{self, Faulting};
use crate::log::Builder;
use crate::pinning;
use crate::signal;
use crate::thread::Thread;
use crate::time_stamps;

/// The program has such code now, by the call whose event this is.
pub fn is_made(thread: &mut Thread, event: &mut Builder) {
    time_stamps::unknown_code_is_made(thread);
    match cpuid::faulting() {
        Faulting::Unneeded => {}
        Faulting::Unavailable => return pinning::begin(thread, event),
        Faulting::On => return,
    }
    // Our own question about the size of signal frames is asked while it is free.
    signal::components();
    if cpuid::begin_faulting() == Faulting::On {
        thread.cpuid_faults = true;
        signal::set_kernel_mask(thread);
    } else {
        pinning::begin(thread, event);
    }
}

/// A thread takes its turn: others may have made such code since.
#[inline]
pub fn take_turn(thread: &mut Thread) {
    if cpuid::faults() && !thread.cpuid_faults {
        thread.cpuid_faults = true;
        cpuid::join_faulting();
        signal::set_kernel_mask(thread);
    }
}
