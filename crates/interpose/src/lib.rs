//! Interposition: takes over the system calls, signals and chosen instructions of the program in whose
//! process it runs, and gives control back.
//!
//! This is mechanism only. Whoever links the crate decides what is done with a call or a signal, and
//! is told what was changed in the program's code; nothing here knows a log, a scheduler or shared
//! memory of a recording.
//!
//! What the linking program provides:
//! * `#[no_mangle] extern "C" fn on_entry(frame: *mut Frame)`, called whenever the program comes in, on
//!   the stack that the frame names. It changes the frame and ends with [`entry::leave`]; with
//!   the feature `one-way` it does not return, and what stands on the stack is nothing.
//! * [`frame::set_current`] before the program runs, and whenever another thread is to go on.
//!
//! Design constraints:
//! * `no_std`, no allocation, freestanding; addresses of ours are parameters.
//! * One thread of the address space is inside the program or here at a time: tables need no locks.
//! * What reads or writes machine code is pure (bytes in, bytes out) and tested on its own.
#![no_std]

pub mod alternate_stack;
pub mod arming;
pub mod breakpoints;
pub mod call_site;
pub mod call_sites;
pub mod entry;
pub mod execution_watch;
pub mod extended_state;
pub mod frame;
pub mod guarded_copy;
pub mod instruction;
pub mod interruptible;
pub mod moved_code;
mod program_code;
mod register_changes;
pub mod short_decoder;
pub mod signal_action;
pub mod signal_frame;
pub mod single_step;
pub mod time_stamp;
pub mod trampoline;
mod trampoline_areas;
pub mod transaction;
pub mod trapped_call;
pub mod user_context;
pub mod vdso;
pub mod vdso_image;
pub mod waiting_loop;

pub use frame::{Frame, Origin};
