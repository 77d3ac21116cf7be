//! Blocked signals whose numbers the recorder needs for itself (SIGSYS, SIGTRAP, SIGSEGV).
//!
//! The kernel keeps a signal that is blocked. The recorder cannot let the kernel block these: the kernel kills
//! a process whose instruction raises a blocked signal, and traps of the program do so all the time. So they
//! are kept here until the program unblocks them, or makes a call that can return one (`rt_sigtimedwait`).

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::Tag;

use super::queue::enqueue;
use super::sending::send_blocked;
use super::{bit, set_kernel_mask};
use crate::guest;
use crate::log::Builder;
use crate::thread::{QueuedSignal, Thread, HELD};

/// Keep a signal; a second one is lost, as in the kernel (`legacy_queue`).
pub fn hold(thread: &mut Thread, signal: &QueuedSignal) {
    let is_there = thread.held.iter().any(|held| held.number == signal.number);
    let free = thread.held.iter_mut().find(|held| held.number == 0);
    if let (false, Some(free)) = (is_there, free) {
        *free = *signal;
    }
}

/// The program's mask has changed: what it no longer blocks waits to be delivered.
pub fn release(thread: &mut Thread) {
    for index in 0..HELD {
        let signal = thread.held[index];
        if signal.number != 0 && thread.mask & bit(signal.number) == 0 {
            thread.held[index].number = 0;
            // There is room: the queue has places for all numbers.
            enqueue(thread, signal);
        }
    }
}

/// Forget them: what waits for a parent does not wait for its child.
pub fn forget(thread: &mut Thread) {
    for held in &mut thread.held {
        held.number = 0;
    }
}

/// Before a call that can return a blocked signal or sets another mask: the kernel gets them for as long as
/// it takes. Whether there are any; [`set_kernel_mask`] lets them come back here.
#[inline]
pub fn hand_over(thread: &mut Thread) -> bool {
    any(thread) && hand_over_all(thread)
}

/// The same whatever the call.
#[cold]
pub fn hand_over_all(thread: &mut Thread) -> bool {
    for index in 0..HELD {
        let signal = thread.held[index];
        if signal.number != 0 {
            thread.held[index].number = 0;
            send_blocked(thread, &signal);
        }
    }
    true
}

/// Take them back after a call.
#[cold]
pub fn take_back(thread: &Thread) {
    set_kernel_mask(thread);
}

#[inline]
fn any(thread: &Thread) -> bool {
    thread.held.iter().any(|held| held.number != 0)
}

/// `rt_sigpending(set, size)` while some are held; `None`: the kernel knows all.
pub fn pending(thread: &Thread, event: &mut Builder, args: &[u64; 6]) -> Option<i64> {
    if !any(thread) {
        return None;
    }
    let [address, size, ..] = *args;
    let mut set = 0u64;
    // SAFETY: eight bytes of ours; a size the kernel accepts is at most that.
    let result = unsafe { syscall2(RT_SIGPENDING, &raw mut set as u64, size) };
    if result < 0 {
        return Some(result);
    }
    let held = thread.held.iter().filter(|held| held.number != 0);
    set |= held.fold(0, |set, held| set | bit(held.number));
    let bytes = &set.to_le_bytes()[..size as usize];
    if !guest::write(address, bytes) {
        return Some(-EFAULT);
    }
    event.bytes(Tag::Write, address, bytes);
    Some(0)
}
