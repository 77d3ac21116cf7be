//! What a thread of the program keeps its own calls from. Whatever the thread makes (threads, processes, its next
//! image) inherits it.

use reenact_freestanding::numbers::{PRCTL, PR_GET_NO_NEW_PRIVS};
use reenact_freestanding::syscall::syscall5;
use reenact_trace::arena::mechanism;

use crate::arena;

/// In place of filters: strict mode, in which a thread may read, write, return from handlers and end.
pub const STRICT: u32 = u32::MAX;

/// What one thread is kept from.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Its filters ([`reenact_trace::filter_pool`]), or [`STRICT`]; 0: none.
    pub filters: u32,
    /// It can gain no privileges (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privileges: bool,
}

impl Confinement {
    /// That of the first program of a recording. The kernel knows, but where we have asked for no new
    /// privileges ourselves.
    pub fn of_first_image() -> Confinement {
        Confinement {
            filters: 0,
            no_new_privileges: are_calls_dispatched()
                // SAFETY: asks.
                && unsafe { syscall5(PRCTL, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1,
        }
    }
}

/// Whether calls come to us by dispatch, so that the kernel's filters of the process are the program's.
pub fn are_calls_dispatched() -> bool {
    arena::header().mechanism == mechanism::DISPATCH
}
