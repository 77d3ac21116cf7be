//! Led out of the recording: what was changed of a process that ran before it was recorded becomes as it would be without us. A
//! supervisor holds its threads ([`reenact_trace::detaching`]).
//!
//! Design constraints:
//! * Nothing is recorded any more; what threads and processes have in common still goes by turns.
//! * Until all threads are paused, each can go on in the recorder as if nothing had been.

mod answer;
mod heap;
mod process;
mod threads;

use reenact_freestanding::numbers::EINVAL;
use reenact_interpose::{call_sites, entry, interruptible};
use reenact_trace::arena::mechanism;
use reenact_trace::detaching::{obstacle, step, Inside};

use crate::process::threads as blocks;
use crate::{arena, asynchronous_io, companions, kernels_image, log, ptrace, vdso};

/// A step; not 0 when it has been done, else -errno.
pub fn run(what: u64) -> Result<u64, i64> {
    match what {
        step::LOOK => look(),
        step::PAUSE => threads::pause(),
        step::GO_BACK => threads::go_back(),
        step::LEAVE_PROCESS => process::leave(),
        step::LEAVE => threads::leave(),
        _ => Err(-EINVAL),
    }
}

fn look() -> Result<u64, i64> {
    let obstacle = why_not();
    if obstacle == obstacle::NONE && log::recording() {
        // Whoever is about to log an event finds that nobody reads it.
        log::stop();
    }
    let mut inside = Inside {
        obstacle,
        exit: entry::exit(),
        behind_call: interruptible::behind(),
        ..Inside::NONE
    };
    for (place, area) in inside.areas.iter_mut().zip(call_sites::areas()) {
        *place = area;
    }
    answer::give(inside);
    Ok(1)
}

fn why_not() -> u64 {
    if arena::header().mechanism != mechanism::DISPATCH {
        obstacle::FILTER
    } else if !kernels_image::is_there() {
        obstacle::LOADED
    } else if companions::any() || blocks::has_vfork_child() {
        obstacle::COMPANIONS
    } else if ptrace::links::any() {
        obstacle::TRACING
    } else if asynchronous_io::any() {
        obstacle::REQUESTS
    } else if vdso::is_place_taken() {
        obstacle::PLACE_TAKEN
    } else if arena::header().has_reader() {
        obstacle::RECORDED
    } else {
        obstacle::NONE
    }
}
