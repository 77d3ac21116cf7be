//! The segment bases of the calling thread: no frame has them, as the program can set them without us.

use reenact_freestanding::numbers::ARCH_PRCTL;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::Registers;

use crate::thread::Thread;

const ARCH_GET_FS: u64 = 0x1003;
const ARCH_GET_GS: u64 = 0x1004;

fn segment_base(which: u64) -> u64 {
    let mut base = 0u64;
    // SAFETY: a word of ours.
    unsafe { syscall2(ARCH_PRCTL, which, &raw mut base as u64) };
    base
}

/// All registers of the calling thread, these too.
pub fn whole(thread: &Thread) -> Registers {
    Registers {
        fs_base: segment_base(ARCH_GET_FS),
        gs_base: segment_base(ARCH_GET_GS),
        ..thread.frame.registers
    }
}
