//! System calls about signals, as the program sees them. Each returns the call's result; what
//! they write for the program they also attach to the event.

use reenact_freestanding::numbers::*;
use reenact_interpose::alternate_stack::AlternateStack;
use reenact_trace::Tag;

use super::actions::{action, is_fatal_by_default, kernel_action, told};
use super::*;
use crate::guest;
use crate::log::Builder;
use crate::thread::Thread;

/// Flags that every kernel keeps.
const KNOWN_FLAGS: u64 = SA_NOCLDSTOP
    | SA_NOCLDWAIT
    | SA_SIGINFO
    | SA_ONSTACK
    | SA_RESTART
    | SA_NODEFER
    | SA_RESETHAND
    | SA_RESTORER;

/// Write for the program and log it. False: EFAULT.
fn give(event: &mut Builder, address: u64, bytes: &[u8]) -> bool {
    if !guest::write(address, bytes) {
        return false;
    }
    event.bytes(Tag::Write, address, bytes);
    true
}

/// `rt_sigaction(signal, new, old, size)`.
#[inline(never)]
pub fn sigaction(event: &mut Builder, args: &[u64; 6]) -> i64 {
    let [number, new_at, old_at, size, ..] = *args;
    if size != 8 {
        return -EINVAL;
    }
    let mut new = None;
    if new_at != 0 {
        let mut bytes = [0u8; Action::SIZE];
        if !guest::read(new_at, &mut bytes) {
            return -EFAULT;
        }
        new = Some(Action::from_bytes(&bytes));
    }
    let number = number as u32;
    if number == 0 || number > 64 || (new.is_some() && (number == SIGKILL || number == SIGSTOP)) {
        return -EINVAL;
    }
    let synchronous = SYNCHRONOUS.contains(&number);
    let mut inherited = Action::default();
    if let Some(wanted) = new {
        let mut told = told(number, &wanted);
        told.flags |= wanted.flags & !KNOWN_FLAGS;
        let result = kernel_action(number, Some(&told), Some(&mut inherited));
        if result < 0 {
            return result;
        }
    } else {
        kernel_action(number, None, Some(&mut inherited));
    }
    let mut old = *action(number);
    // What the kernel knew before us (an inherited SIG_IGN) shows when we have set nothing.
    let is_known = synchronous || is_fatal_by_default(number);
    if !is_known && !old.is_handler() && inherited.handler <= SIG_IGN {
        old.handler = inherited.handler;
    }
    if let Some(mut wanted) = new {
        if wanted.flags & !KNOWN_FLAGS != 0 {
            // Kernels since 5.11 keep none that they do not know, by which programs find out what they know.
            let mut kept = Action::default();
            kernel_action(number, None, Some(&mut kept));
            wanted.flags &= KNOWN_FLAGS | kept.flags;
        }
        wanted.mask &= !(bit(SIGKILL) | bit(SIGSTOP));
        *action(number) = wanted;
    }
    if old_at != 0 && !give(event, old_at, &old.to_bytes()) {
        return -EFAULT;
    }
    0
}

/// `rt_sigprocmask(how, set, old, size)`.
#[inline(never)]
pub fn sigprocmask(thread: &mut Thread, event: &mut Builder, args: &[u64; 6]) -> i64 {
    let [how, set_at, old_at, size, ..] = *args;
    if size != 8 {
        return -EINVAL;
    }
    let old = thread.mask;
    if set_at != 0 {
        let Some(set) = guest::read_u64(set_at) else {
            return -EFAULT;
        };
        let mask = match how as u32 {
            0 => old | set,
            1 => old & !set,
            2 => set,
            _ => return -EINVAL,
        } & !(bit(SIGKILL) | bit(SIGSTOP));
        thread.mask = mask;
        set_kernel_mask(thread);
        super::held::release(thread);
    }
    if old_at != 0 && !give(event, old_at, &old.to_le_bytes()) {
        return -EFAULT;
    }
    0
}

/// `sigaltstack(new, old)`.
#[inline(never)]
pub fn sigaltstack(thread: &mut Thread, event: &mut Builder, args: &[u64; 6]) -> i64 {
    let [new_at, old_at, ..] = *args;
    let sp = thread.frame.registers.rsp;
    let mut old = thread.alternate_stack;
    old.flags = old.flags_at(sp);
    if new_at != 0 {
        let mut bytes = [0u8; 24];
        if !guest::read(new_at, &mut bytes) {
            return -EFAULT;
        }
        // SAFETY: three u64 in any state.
        let new = unsafe { bytes.as_ptr().cast::<AlternateStack>().read_unaligned() };
        let result = thread.alternate_stack.set(&new, sp);
        if result < 0 {
            return result;
        }
    }
    if old_at != 0 {
        // SAFETY: three u64 as bytes.
        let bytes = unsafe { core::slice::from_raw_parts((&raw const old).cast::<u8>(), 24) };
        if !give(event, old_at, bytes) {
            return -EFAULT;
        }
    }
    0
}
