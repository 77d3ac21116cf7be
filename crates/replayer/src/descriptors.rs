//! The descriptors a replayer has: those it was given and those of the trace, no others.

use linux_raw_sys::general::{__NR_close, __NR_close_range, __NR_fcntl, F_DUPFD_CLOEXEC};
use reenact_freestanding::syscall::{syscall1, syscall3};

/// What is closed where the kernel cannot close a range (before Linux 5.9).
const FEW: u32 = 4096;

/// Close all but these; sorts them.
pub fn close_all_but(kept: &mut [i32]) {
    kept.sort_unstable();
    let mut next = 0u32;
    for &descriptor in kept.iter() {
        let descriptor = descriptor as u32;
        if descriptor > next {
            close_range(next, descriptor - 1);
        }
        next = next.max(descriptor + 1);
    }
    close_range(next, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    // SAFETY: nobody uses these descriptors.
    let result = unsafe {
        syscall3(
            u64::from(__NR_close_range),
            u64::from(first),
            u64::from(last),
            0,
        )
    };
    if result != 0 {
        for descriptor in first..=last.min(FEW) {
            // SAFETY: as above.
            unsafe { syscall1(u64::from(__NR_close), u64::from(descriptor)) };
        }
    }
}

/// Leave no number below `highest` free, so that what is made later lies above all that there is:
/// the filter tells them apart by that. A number that is free gets `filler`, which is read only.
pub fn fill_up_to(highest: i32, filler: i32) {
    loop {
        // SAFETY: makes a descriptor.
        let made = unsafe {
            syscall3(
                u64::from(__NR_fcntl),
                filler as u64,
                u64::from(F_DUPFD_CLOEXEC),
                0,
            )
        };
        if made > i64::from(highest) {
            // SAFETY: just made.
            unsafe { syscall1(u64::from(__NR_close), made as u64) };
        }
        if made < 0 || made > i64::from(highest) {
            return;
        }
    }
}
