//! Signals of the program, virtualised: the kernel only ever runs the recorder's handler; the
//! program's handlers are entered at deterministic points, on frames that we build and log.

mod actions;
pub mod calls;
mod components;
mod deliver;
pub mod dirty;
mod forwarded;
mod handler;
mod held;
mod image;
mod landing;
mod landing_cost;
mod mask;
pub mod preemption;
pub mod queue;
mod sending;
mod sigreturn;
mod stepping;
pub mod timer;
mod traced;
mod vectors_at_landing;
mod watched;

pub use reenact_interpose::signal_action::*;

pub use actions::{
    adopt_actions, caught_and_ignored, clear_handlers, copy_actions, give_back_actions, is_default,
    is_fatal_by_default, is_ignored, reset_kernel_action, restore_actions, snapshot_actions,
    take_over_actions,
};
pub use components::components;
pub use deliver::{
    deliver_fault, deliver_queued, deliver_raised, end_by_kernel, ends_process, interrupts,
    is_taken, raise_by_kernel, raise_unwritable, raised_by_kernel, restarts_after_queued, Moment,
};
pub use handler::arm_stack;
pub use held::{forget as forget_held, hand_over, pending, take_back};
pub use image::{install_own, install_own_again, prepare_exec};
pub use landing::{log as log_landing, log_with as log_landing_with, memory as checksum_memory};
pub use landing_cost::{last_ns as last_landing_ns, pause_ns};
pub use mask::{
    hold_signals, is_kept_by_kernel, let_in, never_blocked, set_exact_kernel_mask, set_kernel_mask,
};
pub use queue::queued;
pub use sigreturn::sigreturn;
pub use stepping::{raise_step, steps};
pub use traced::{
    after_fork as restore_after_fork, forget_ignored, give_back_all, raise, take_all,
};
pub use vectors_at_landing::{attach as attach_vectors, attach_saved as attach_saved_vectors};

pub use reenact_freestanding::numbers::{
    SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP,
};

/// Signals the CPU raises for what the program just did.
pub const SYNCHRONOUS: [u32; 6] = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];

/// Bit of a signal in a mask.
pub const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}
