//! Signals at the beginning of an image and before its end: which the recorder takes, and how they are
//! given back to the kernel, so that the next image inherits what it would have.

use core::sync::atomic::Ordering;

use super::actions::{action, is_fatal_by_default, kernel_action, own_action, reset_kernel_action};
use super::mask::set_exact_kernel_mask;
use super::sending::send;
use super::*;
use crate::thread::Thread;

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
    traced::before_exec();
    for signal in fatal_signals().filter(|&signal| action(signal).handler == SIG_DFL) {
        reset_kernel_action(signal);
    }
    // From here on the kernel's mask is what the new image will find.
    thread.leaves.store(1, Ordering::Release);
    let kept = thread.followers_kept.swap(0, Ordering::AcqRel);
    give_back_fatal(thread);
    let blocks_own = thread.mask & never_blocked() != 0;
    if blocks_own {
        held::hand_over_all(thread);
    }
    if blocks_own || kept != 0 {
        set_exact_kernel_mask(thread.mask);
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

/// Before an `execve`, when the kernel has the default actions back: signals that would have ended
/// the process meanwhile are not lost.
fn give_back_fatal(thread: &mut Thread) {
    for _ in 0..thread.queued.load(Ordering::Relaxed) {
        let signal = queue::take_first(thread);
        let is_default = action(signal.number).handler == SIG_DFL;
        if is_default && is_fatal_by_default(signal.number) {
            send(thread, &signal);
        } else {
            // Its place has just become free.
            queue::enqueue(thread, signal);
        }
    }
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
    traced::after_failed_exec();
}
