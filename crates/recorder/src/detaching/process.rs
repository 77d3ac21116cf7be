//! What the threads of a process have in common.

use reenact_freestanding::numbers::CLOSE;
use reenact_freestanding::syscall::syscall1;
use reenact_interpose::{breakpoints, call_sites};

use super::heap;
use crate::process::threads as blocks;
use crate::snapshot::copies;
use crate::{arena, limits, signal, thread, vdso};

/// Undo what was changed. All threads are paused: none is in code that is changed here.
pub fn leave() -> Result<u64, i64> {
    // The one that does it, as others have run since.
    if let Some(own) = blocks::of_tid(super::threads::own_tid()) {
        thread::set_current(own);
    }
    copies::end();
    call_sites::undo_all();
    breakpoints::remove_all();
    call_sites::unmap_all();
    vdso::give_back();
    signal::dirty::stop();
    heap::give_back();
    limits::give_back();
    // The last of what may need the handler of bad addresses is done.
    signal::give_back_actions();
    for descriptor in arena::header().hidden_descriptors() {
        // SAFETY: ours, or nobody's.
        unsafe { syscall1(CLOSE, descriptor as u64) };
    }
    Ok(1)
}
