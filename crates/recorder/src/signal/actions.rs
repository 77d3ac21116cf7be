//! What the program wants done with each signal, and what the kernel is told instead.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall4;

use super::*;
use crate::entry;
use crate::thread::Thread;

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

/// The program's actions, by signal number. Shared by all threads of the address space.
static mut ACTIONS: [Action; 65] = [Action {
    handler: 0,
    flags: 0,
    restorer: 0,
    mask: 0,
}; 65];

/// The program's action for a signal.
pub fn action(signal: u32) -> &'static mut Action {
    // SAFETY: 1..=64 is checked by callers; one thread at a time.
    unsafe {
        &mut *(&raw mut ACTIONS)
            .cast::<Action>()
            .add(signal as usize & 127)
    }
}

/// Tell the kernel; returns its result. `old` receives what the kernel had.
pub fn kernel_action(signal: u32, new: Option<&Action>, old: Option<&mut Action>) -> i64 {
    let new = new.map_or(0, |action| action as *const Action as u64);
    let old = old.map_or(0, |action| action as *mut Action as u64);
    // SAFETY: both are null or point to kernel sigactions of ours.
    unsafe { syscall4(RT_SIGACTION, u64::from(signal), new, old, 8) }
}

/// The recorder's own action. Without SA_RESTART: an interrupted call must come back to us,
/// we decide what the program sees.
pub fn own_action(program: &Action) -> Action {
    Action {
        handler: super::handler::on_signal as *const () as u64,
        flags: SA_SIGINFO
            | SA_ONSTACK
            | SA_RESTORER
            | (program.flags & (SA_NOCLDSTOP | SA_NOCLDWAIT)),
        restorer: entry::restore_rt as *const () as u64,
        // Handlers of ours are not interrupted, save by faults of their own.
        mask: !(bit(SIGSEGV) | bit(SIGBUS)),
    }
}

/// Whether the default action of a signal ends the process, or stops or ignores it (signal(7)).
/// SIGKILL and SIGSTOP are nobody's to handle.
pub fn is_fatal_by_default(signal: u32) -> bool {
    // SIGKILL; SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH
    !matches!(signal, 9 | 17..=23 | 28)
}

/// Signals that the kernel lets the recorder handle though the program leaves them to their default:
/// it says where they ended the process.
fn fatal_signals() -> impl Iterator<Item = u32> {
    (1..=64).filter(|&signal| is_fatal_by_default(signal) && !SYNCHRONOUS.contains(&signal))
}

/// At the start of an image: take the signals that are ours in any case, and learn what was
/// inherited.
pub fn install_own() {
    for signal in fatal_signals() {
        let mut old = Action::default();
        kernel_action(signal, Some(&own_action(&old)), Some(&mut old));
        if old.handler == SIG_IGN {
            kernel_action(signal, Some(&old), None);
            action(signal).handler = SIG_IGN;
        }
    }
    for signal in SYNCHRONOUS {
        let mut old = Action::default();
        let own = own_action(&old);
        kernel_action(signal, Some(&own), Some(&mut old));
        let inherited = if signal == SIGSYS {
            SIG_DFL // see `prepare_exec`
        } else {
            old.handler.min(SIG_IGN)
        };
        *action(signal) = Action {
            handler: inherited,
            ..Action::default()
        };
    }
}

/// Before an `execve`: an ignored synchronous signal stays ignored in the new image, and a
/// blocked one blocked.
pub fn prepare_exec(thread: &mut Thread) {
    for signal in fatal_signals().filter(|&signal| action(signal).handler == SIG_DFL) {
        reset_kernel_action(signal);
    }
    // From here on the kernel's mask is what the new image will find.
    thread.leaves.store(1, Ordering::Release);
    let kept = thread.followers_kept.swap(0, Ordering::AcqRel);
    deliver::give_back_fatal(thread);
    let blocks_own = thread.mask & never_blocked() != 0;
    if blocks_own {
        held::hand_over_all(thread);
    }
    if blocks_own || kept != 0 {
        deliver::set_exact_kernel_mask(thread.mask);
    }
    for signal in SYNCHRONOUS {
        // A thread that waits may ask for the token at any moment, by SIGSYS, and a request that is
        // pending when the old image's handlers are gone would kill the new one.
        if signal == SIGSYS || action(signal).handler == SIG_IGN {
            kernel_action(
                signal,
                Some(&Action {
                    handler: SIG_IGN,
                    ..Action::default()
                }),
                None,
            );
        }
    }
}

/// The table of actions, as it is.
pub type Snapshot = [Action; 65];

/// Copy the table (before a vfork child changes it in shared memory).
pub fn snapshot_actions() -> Snapshot {
    // SAFETY: one thread at a time.
    unsafe { ACTIONS }
}

/// Put a copy back.
pub fn restore_actions(snapshot: &Snapshot) {
    // SAFETY: one thread at a time.
    unsafe { ACTIONS = *snapshot };
}

/// Whether the program leaves a signal to its default action, as far as we and the kernel know.
pub fn is_default(signal: u32) -> bool {
    if action(signal).handler != SIG_DFL {
        return false;
    }
    if SYNCHRONOUS.contains(&signal) || is_fatal_by_default(signal) {
        return true;
    }
    let mut inherited = Action::default();
    kernel_action(signal, None, Some(&mut inherited));
    inherited.handler == SIG_DFL
}

/// Give a signal its default action in the kernel.
pub fn reset_kernel_action(signal: u32) {
    kernel_action(signal, Some(&Action::default()), None);
}

/// An `execve` failed after [`prepare_exec`]: take the synchronous signals again.
pub fn install_own_again(thread: &Thread) {
    thread.leaves.store(0, Ordering::Release);
    if thread.mask & never_blocked() != 0 {
        set_kernel_mask(thread);
    }
    for signal in SYNCHRONOUS {
        kernel_action(signal, Some(&own_action(action(signal))), None);
    }
    for signal in fatal_signals().filter(|&signal| action(signal).handler == SIG_DFL) {
        kernel_action(signal, Some(&own_action(action(signal))), None);
    }
}
