//! Signals of a traced process: all of them come to the recorder, whatever the program does with them, as its tracer
//! sees them first.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;

use super::actions::{action, are_all_taken, kernel_action, own_action, told, traced};
use super::queue;
use super::*;
use crate::thread::{QueuedSignal, Thread};

/// Signals whose actions in the kernel depend on what the program wants.
fn others() -> impl Iterator<Item = u32> {
    (1..=64)
        .filter(|&signal| !matches!(signal, SIGKILL | SIGSTOP) && !SYNCHRONOUS.contains(&signal))
}

/// A thread of this process is traced from now on.
pub fn take_all() {
    if traced().fetch_add(1, Ordering::Relaxed) != 0 {
        return;
    }
    for signal in others() {
        let program = action(signal);
        let mut old = Action::default();
        kernel_action(signal, Some(&own_action(program)), Some(&mut old));
        // An inherited one, of which only the kernel has known.
        if program.handler == SIG_DFL && old.handler == SIG_IGN {
            program.handler = SIG_IGN;
        }
    }
}

/// One is traced no longer.
pub fn give_back_all() {
    if traced().fetch_sub(1, Ordering::Relaxed) == 1 {
        set_actions();
    }
}

/// In a forked child, which nobody traces yet.
pub fn after_fork() {
    if traced().swap(0, Ordering::Relaxed) != 0 {
        set_actions();
    }
}

/// Before an image is executed, which inherits what is ignored.
pub fn before_exec() {
    let count = traced().swap(0, Ordering::Relaxed);
    if count != 0 {
        set_actions();
        traced().store(count, Ordering::Relaxed);
    }
}

/// The image could not be executed.
pub fn after_failed_exec() {
    if are_all_taken() {
        set_actions();
    }
}

/// As the program wants them, as far as they are its own affair.
fn set_actions() {
    for signal in others() {
        kernel_action(signal, Some(&told(signal, action(signal))), None);
    }
}

/// A thread is traced no longer: what its program ignores the kernel would have dropped. (A SIGSTOP in the queue stands for
/// what its tracer has asked for.) Whether there was any.
pub fn forget_ignored(thread: &mut Thread) -> bool {
    let mut has_forgotten = false;
    let is_ignored = |thread: &Thread| {
        queue::first(thread)
            .is_some_and(|first| first.number == SIGSTOP || is_ignored(first.number))
    };
    while is_ignored(thread) {
        queue::take_first(thread);
        set_kernel_mask(thread);
        has_forgotten = true;
    }
    has_forgotten
}

/// A signal of the thread's own.
pub fn raise(thread: &mut Thread, number: u32, info: [u64; 16]) {
    let signal = QueuedSignal {
        number,
        reserved: 0,
        info,
    };
    queue::enqueue(thread, signal);
}
