//! Which way system calls are caught, and what is said where they cannot be.

use core::sync::atomic::Ordering;

use reenact_interpose::arming::{self, Region};
use reenact_trace::arena::mechanism;
use reenact_trace::layout::{REGION_END, REGION_START};

use crate::{arena, message, text};

const REGION: Region = Region {
    start: REGION_START,
    end: REGION_END,
};

fn try_to_arm() -> i64 {
    if arena::header().mechanism == mechanism::DISPATCH {
        arming::dispatch(REGION)
    } else {
        install_filter()
    }
}

/// The same for a thread that ran before it was recorded. -errno on failure.
pub fn arm_attached() -> Result<(), i64> {
    match try_to_arm() {
        error @ ..0 => Err(error),
        _ => Ok(()),
    }
}

/// From now on every system call outside the reserved region traps. Lost by fork and exec.
pub fn arm() {
    let result = try_to_arm();
    if result < 0 {
        let name = reenact_syscalls::errno_name(-result as i32).unwrap_or("error");
        let text = text!("system calls cannot be caught here ({name}); see `reenact doctor`");
        message::fail(text.as_str());
    }
}

/// Install the filter unless an earlier image or the parent has: the first image of a recording says
/// so in the arena.
fn install_filter() -> i64 {
    let installed = &arena::header().filter_installed;
    if arming::has_filter() && installed.load(Ordering::Relaxed) == 1 {
        return 0;
    }
    let result = arming::install_filter(REGION);
    if result == 0 {
        installed.store(1, Ordering::Relaxed);
    }
    result
}
