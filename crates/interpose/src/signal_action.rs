//! What is done at a signal, as the kernel is told (`struct sigaction` of arch/x86/include/uapi/asm/signal.h).

pub use reenact_freestanding::numbers::{
    SA_NOCLDSTOP, SA_NOCLDWAIT, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SA_RESTORER,
    SA_SIGINFO,
};
pub const SIG_DFL: u64 = 0;
pub const SIG_IGN: u64 = 1;

/// `struct sigaction` as the kernel has it.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Action {
    pub handler: u64,
    pub flags: u64,
    pub restorer: u64,
    pub mask: u64,
}

impl Action {
    pub const SIZE: usize = 32;

    pub fn from_bytes(bytes: &[u8; Action::SIZE]) -> Action {
        // SAFETY: four u64 in any state.
        unsafe { bytes.as_ptr().cast::<Action>().read_unaligned() }
    }

    pub fn to_bytes(self) -> [u8; Action::SIZE] {
        // SAFETY: four u64 without padding.
        unsafe { core::mem::transmute(self) }
    }

    /// Whether this is a function of the program, not a default or ignored.
    pub fn is_handler(&self) -> bool {
        self.handler > SIG_IGN
    }
}
