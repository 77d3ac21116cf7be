//! Begins in a process that runs already: a supervisor has put the recorder into it and holds its threads
//! ([`reenact_trace::attaching`]).
//!
//! Design constraints:
//! * A step that fails leaves the program as it was: what can fail comes first, and nothing ends the process.
//! * The program's state goes into a snapshot, with which the log begins: nothing else says what it was.

mod mapped;
mod process;
mod threads;

use core::arch::global_asm;

use reenact_trace::attaching::{step, Attaching};
use reenact_trace::layout::ATTACHING_ADDRESS;

use crate::{detaching, kernels_image};

// `_start` is right behind it: see `loader`.
global_asm!(
    ".balign 16",
    "attaching_entry:",
    "call {run}",
    "int3",
    "ud2",
    ".balign 16",
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    run = sym run,
    start = sym crate::loader::start,
);

/// What the supervisor has told.
fn told() -> &'static Attaching {
    // SAFETY: mapped and filled in by the supervisor, which holds all threads while it changes.
    unsafe { &*(ATTACHING_ADDRESS as *const Attaching) }
}

/// A step; its result comes back to the supervisor by the breakpoint behind the call.
extern "C" fn run(what: u64) -> i64 {
    let stack = match what {
        step::PROCESS => {
            kernels_image::note();
            process::take_over(told())
        }
        step::THREAD => threads::take_over(&told().thread),
        step::GO => threads::go_on(),
        what => detaching::run(what),
    };
    stack.map_or_else(|error| error, |stack| stack as i64)
}
