//! What each thread of a process has for itself.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1, syscall2, syscall3, syscall4, syscall5};
use reenact_interpose::{entry, Frame};
use reenact_trace::attaching::AttachedThread;

use crate::process::threads;
use crate::snapshot::{copies, copy, registers};
use crate::thread::{self, Thread};
use crate::{arming, log, scheduler, signal, unperformed};

/// Take a thread over that is not the first: where its stack begins. -errno on failure.
pub fn take_over(told: &AttachedThread) -> Result<u64, i64> {
    let index = threads::reserve_block().ok_or(-EAGAIN)?;
    let Some(thread) = thread::create(index) else {
        threads::release_block(index);
        return Err(-ENOMEM);
    };
    fill(&mut thread.frame, told);
    let first = thread::of_index(0);
    thread.confinement = first.confinement;
    // SAFETY: no effect.
    thread.tid = unsafe { syscall0(GETTID) } as u32;
    if let Err(error) = arming::arm_attached() {
        threads::release_block(index);
        return Err(error);
    }
    take_over_signals(thread, told);
    scheduler::thread_added();
    registers::leave(thread);
    scheduler::enqueue_new(thread);
    Ok(thread.frame.stack_top)
}

/// The registers of a thread.
pub fn fill(frame: &mut Frame, told: &AttachedThread) {
    frame.registers = told.registers;
    frame.xmm = told.xmm;
    frame.forget_place();
}

/// What the kernel keeps of a thread for its program becomes ours to keep.
pub fn take_over_signals(thread: &mut Thread, told: &AttachedThread) {
    thread.mask = told.mask;
    thread.has_begun = told.is_in_call != 0;
    let mut stack = [0u64; 3];
    // SAFETY: a stack_t of ours.
    unsafe { syscall2(SIGALTSTACK, 0, stack.as_mut_ptr() as u64) };
    thread.alternate_stack.base = stack[0];
    thread.alternate_stack.flags = stack[1] & 0xffff_ffff;
    thread.alternate_stack.size = stack[2];
    signal::arm_stack(thread);
    let [mut list, mut length] = [0u64; 2];
    let [to_list, to_length] = [&raw mut list as u64, &raw mut length as u64];
    let [address, size, signature] = told.restartable;
    const UNREGISTER: u64 = 1;
    /// `struct robust_list_head`.
    const HEAD: u64 = 24;
    // SAFETY: words of ours. What the kernel would write behind the program's code, at its end or between two instructions, is
    // written by us.
    unsafe {
        if syscall3(GET_ROBUST_LIST, 0, to_list, to_length) == 0 {
            thread.robust_list = list;
            syscall2(SET_ROBUST_LIST, 0, HEAD);
        }
        let mut cleared = 0u64;
        if syscall5(PRCTL, PR_GET_TID_ADDRESS, &raw mut cleared as u64, 0, 0, 0) == 0 {
            thread.clear_child_tid = cleared;
        }
        syscall1(SET_TID_ADDRESS, 0);
        if address != 0 {
            syscall4(RSEQ, address, size, UNREGISTER, signature);
            thread.restartable = told.restartable;
            unperformed::had_sequences();
        }
    }
}

/// Go on with the program, on the thread's own stack: the first one behind a snapshot, the others when they have their turn.
pub fn go_on() -> ! {
    let here = 0u8;
    let thread = thread::of_address(&raw const here as u64);
    if thread.index == 0 {
        if let Some(behind) = log::last_record() {
            copy::make(thread, &behind);
            copies::is_needed();
        }
        signal::set_kernel_mask(thread);
    } else {
        signal::set_kernel_mask(thread);
        scheduler::acquire_first(thread);
    }
    // In a call that had begun: it sees them itself.
    if signal::queued(thread) && !thread.has_begun {
        signal::deliver_queued(thread, signal::Moment::AfterEvent, None);
    }
    // SAFETY: the frame was filled when the thread was taken over, and we have the token.
    unsafe { entry::go_on(&mut thread.frame) }
}
