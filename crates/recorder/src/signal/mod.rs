//! Signals of the program, virtualised: the kernel only ever runs the recorder's handler; the
//! program's handlers are entered at deterministic points, on frames that we build and log.

mod actions;
mod alternate_stack;
pub mod calls;
mod deliver;
pub mod dirty;
mod forwarded;
mod frame;
mod handler;
mod held;
mod image;
mod landing;
mod landing_cost;
pub mod late;
mod mask;
mod pagemap;
mod queue;
mod sending;
mod sigreturn;
mod vectors;

pub use actions::{
    is_default, is_fatal_by_default, reset_kernel_action, restore_actions, snapshot_actions,
};
pub use deliver::{deliver_fault, deliver_queued, interrupts, restarts_after_queued, Moment};
pub use frame::{
    extended_state, permit as permit_extended_state, store as store_state, ExtendedState, XSAVE_MAX,
};
pub use handler::arm_stack;
pub use held::{forget as forget_held, hand_over, pending, take_back};
pub use image::{install_own, install_own_again, prepare_exec};
pub use landing::{describe as describe_landing, memory as checksum_memory};
pub use landing_cost::pause_ns;
pub use mask::{hold_signals, let_in, never_blocked, set_kernel_mask};
pub use queue::queued;
pub use sigreturn::sigreturn;

pub const SIGILL: u32 = 4;
pub const SIGTRAP: u32 = 5;
pub const SIGBUS: u32 = 7;
pub const SIGFPE: u32 = 8;
pub const SIGKILL: u32 = 9;
pub const SIGSEGV: u32 = 11;
pub const SIGSTOP: u32 = 19;
pub const SIGSYS: u32 = 31;

/// Signals the CPU raises for what the program just did.
pub const SYNCHRONOUS: [u32; 6] = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];

/// Bit of a signal in a mask.
pub const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

pub const SA_SIGINFO: u64 = 4;
pub const SA_NOCLDSTOP: u64 = 1;
pub const SA_NOCLDWAIT: u64 = 2;
pub const SA_RESTORER: u64 = 0x0400_0000;
pub const SA_ONSTACK: u64 = 0x0800_0000;
pub const SA_RESTART: u64 = 0x1000_0000;
pub const SA_NODEFER: u64 = 0x4000_0000;
pub const SA_RESETHAND: u64 = 0x8000_0000;
pub const SIG_DFL: u64 = 0;
pub const SIG_IGN: u64 = 1;
