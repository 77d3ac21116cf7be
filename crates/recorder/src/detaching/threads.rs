//! What each thread of a process has for itself.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1, syscall2, syscall4};
use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::{arming, entry, time_stamp};
use reenact_syscalls::{lookup, Restart};
use reenact_trace::detaching::{standing, Left, Standing, MOST_SIGNALS};
use reenact_trace::event::call_number;
use reenact_trace::layout::ATTACHING_ADDRESS;
use reenact_trace::Registers;

use crate::process::threads as blocks;
use crate::ptrace::interrupted::restart;
use crate::sharing_group::WaitKind;
use crate::thread::Thread;
use crate::{cpuid, pinning, scheduler, signal, suspects, thread as all_threads};

/// What the kernel calls the calling thread.
pub fn own_tid() -> u32 {
    // SAFETY: no effect.
    unsafe { syscall0(GETTID) as u32 }
}

fn own() -> Result<&'static mut Thread, i64> {
    blocks::of_tid(own_tid()).ok_or(-ESRCH)
}

/// The thread stands where the supervisor says, and lets others have their turns: where its stack begins.
pub fn pause() -> Result<u64, i64> {
    // SAFETY: filled in by the supervisor for this step.
    let told = unsafe { &*(ATTACHING_ADDRESS as *const Standing) };
    let thread = own()?;
    let is_in_call = told.place == standing::IN_CALL;
    let has_turn = !is_in_call || !thread.is_blocked;
    if has_turn && !core::ptr::eq(thread, all_threads::current()) {
        return Err(-EAGAIN);
    }
    if told.place == standing::IN_PROGRAM {
        thread.frame.registers = told.registers;
        thread.frame.xmm = told.xmm;
        thread.frame.forget_place();
    }
    thread.stands_in_call = is_in_call;
    if has_turn {
        scheduler::pause(thread);
    }
    Ok(thread.frame.stack_top)
}

/// The thread goes on in the recorder, when it has its turn.
pub fn go_back() -> ! {
    let here = 0u8;
    let thread = all_threads::of_address(&raw const here as u64);
    thread.in_call.store(0, Ordering::Relaxed);
    if thread.stands_in_call {
        // The program makes its call once more.
        thread.stands_in_call = false;
        thread.is_blocked = false;
        thread.frame.registers.rip -= 2;
        thread.frame.forget_place();
    }
    signal::set_kernel_mask(thread);
    scheduler::acquire(thread, WaitKind::AfterSlice);
    if signal::queued(thread) {
        signal::deliver_queued(thread, signal::Moment::AfterEvent, None);
    }
    // SAFETY: the frame is that of a thread of the program, which has the token.
    unsafe { entry::go_on(&mut thread.frame) }
}

/// Undo what was changed of the thread.
pub fn leave() -> Result<u64, i64> {
    let thread = own()?;
    all_threads::set_current(thread);
    signal::timer::forget(thread, true);
    pinning::release(thread);
    suspects::give_way(thread);
    cpuid::end_faulting();
    if thread.time_stamps_fault != thread.time_stamps_refused {
        time_stamp::set_faulting(thread.time_stamps_refused);
    }
    give_back(thread);
    arming::end_dispatch();
    super::answer::give(left(thread));
    // SAFETY: the thread's own frame; the supervisor waits for the breakpoint.
    unsafe { entry::show_vectors(&thread.frame) }
}

/// What the kernel keeps of a thread for its program is the kernel's again.
fn give_back(thread: &Thread) {
    /// `struct robust_list_head`.
    const HEAD: u64 = 24;
    let stack = match thread.alternate_stack {
        AlternateStack { size: 0, .. } => AlternateStack::DISABLED,
        set => set,
    };
    let [area, size, signature] = thread.restartable;
    // SAFETY: what the program has asked for; a stack_t of ours. We are not on an alternate stack.
    unsafe {
        syscall2(SIGALTSTACK, &raw const stack as u64, 0);
        if thread.robust_list != 0 {
            syscall2(SET_ROBUST_LIST, thread.robust_list, HEAD);
        }
        syscall1(SET_TID_ADDRESS, thread.clear_child_tid);
        if area != 0 {
            syscall4(RSEQ, area, size, 0, signature);
        }
    }
}

fn left(thread: &mut Thread) -> Left {
    let mut left = Left {
        registers: thread.frame.registers,
        mask: thread.mask,
        restart: if thread.stands_in_call {
            restarting(&thread.frame.registers)
        } else {
            0
        },
        ..Left::NONE
    };
    let mut add = |number: u32, info: &[u64; 16]| {
        if let Some(place) = left.signals.get_mut(left.signal_count as usize) {
            place[0] = number.into();
            place[1..].copy_from_slice(info);
            left.signal_count += 1;
        }
    };
    while signal::queued(thread) {
        let waiting = signal::queue::take_first(thread);
        add(waiting.number, &waiting.info);
    }
    for held in thread.held.iter().filter(|held| held.number != 0) {
        add(held.number, &held.info);
    }
    left
}
const _: () = assert!(MOST_SIGNALS >= all_threads::QUEUE + all_threads::HELD);

/// What the kernel would have as the result of the program's call that is to begin once more.
fn restarting(registers: &Registers) -> i64 {
    let r = registers;
    let arguments = [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9];
    let entry = lookup(call_number(r.rax));
    match entry.map(|entry| entry.restart_for(&arguments)) {
        Some(Restart::NoHandler | Restart::Block | Restart::Interrupted) => restart::NO_HANDLER,
        Some(Restart::WithFlag) => restart::SYSTEM,
        Some(Restart::None) | None => restart::NO_INTERRUPTION,
    }
}
