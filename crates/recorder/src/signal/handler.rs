//! The one handler the kernel knows. It runs on the recorder's signal stack and only moves
//! things aside: it queues what can wait and redirects what cannot into the recorder proper.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall4};
use reenact_interpose::frame::RESUME_FLAG;
use reenact_interpose::signal_frame::CODE_SEGMENT;
use reenact_interpose::user_context::{UserContext, FLAGS, RCX, RIP};
use reenact_interpose::{
    call_sites, extended_state, guarded_copy, interruptible, time_stamp, transaction, trapped_call,
    Origin,
};
use reenact_trace::layout;
use reenact_trace::registers::USER_FLAGS;

use super::preemption::Kind;
use super::*;
use crate::thread::{self, QueuedSignal, Thread};
use crate::{guest, message, ptrace, spinning, waiting_places};

/// Give the current thread's signal stack to the kernel.
pub fn arm_stack(thread: &Thread) {
    let (base, size) = thread.signal_stack();
    let stack = [base, 0u64, size];
    // SAFETY: a stack_t on our stack.
    unsafe { syscall2(SIGALTSTACK, stack.as_ptr() as u64, 0) };
}

/// Whether a signal of our own has displaced the trap of a system call. The kernel keeps only one
/// SIGSYS of a thread (`legacy_queue`, kernel/signal.c): when ours is pending as the program
/// executes `syscall`, the call is neither performed nor trapped, and the program stands behind it.
fn has_swallowed_trap(thread: &Thread, context: &UserContext) -> bool {
    let ip = context.general[RIP];
    let mut code = [0u8; 2];
    let is_behind_call = guest::read(ip.wrapping_sub(2), &mut code) && code == [0x0f, 0x05];
    if !is_behind_call || context.general[RCX] != ip {
        return false;
    }
    // A program that has just come back from a call is there too, as we left it.
    let left = thread.frame.registers;
    let mut found = context.registers(&left);
    if (found.rflags ^ left.rflags) & USER_FLAGS == 0 {
        found.rflags = left.rflags;
    }
    // The same state is either where the program was left, or once more behind the call.
    let is_untouched = context.general[FLAGS] & RESUME_FLAG != 0;
    found != left || thread.frame.is_marked() && !is_untouched
}

/// The signal waits for a place in the program that the log knows.
fn keep(thread: &mut Thread, context: &mut UserContext, signal: QueuedSignal) {
    let number = signal.number;
    if queue::keeps_followers(thread, number) {
        context.mask |= bit(number);
        thread
            .followers_kept
            .fetch_or(bit(number), Ordering::Relaxed);
    }
    let can_be_kept = !SYNCHRONOUS.contains(&number) && thread.leaves.load(Ordering::Relaxed) == 0;
    if !queue::enqueue(thread, signal) && can_be_kept {
        // Until the mask is set again, which is when there is room.
        context.mask |= bit(number);
        sending::send_first(thread, &signal);
    }
    super::timer::arm(thread);
}

/// Whether others have asked for the turn, or have it. Their request is not there when one that only asked
/// whether the thread spins was pending: the kernel keeps one SIGSYS of a thread.
fn has_to_yield_now(thread: &Thread) -> bool {
    thread.is_wanted.load(Ordering::Relaxed) != 0 || crate::sharing_group::has_lost_turn()
}

/// A request that is looked at when the thread's call is over.
fn ask(thread: &Thread, request: Kind) {
    let request = if has_to_yield_now(thread) {
        Kind::Now
    } else {
        request
    };
    let bit = request.bit();
    thread.preemption_requested.fetch_or(bit, Ordering::Relaxed);
}

/// Whether a signal was raised by the CPU for the instruction at the interrupted address.
fn is_synchronous(number: u32, info: &QueuedSignal) -> bool {
    let code = (info.info[1] & 0xffff_ffff) as i32;
    SYNCHRONOUS.contains(&number) && code > 0
}

/// Whether there is a repeated string instruction at `ip`. It may have been interrupted half-way,
/// in a state that no instruction begins with, so no landing is made there.
pub fn is_repeating(ip: u64) -> bool {
    // Within the page: a fault could not be caught here.
    let length = (5.min(4096 - ip % 4096)) as usize;
    let mut code = [0u8; 5];
    if !guest::read(ip, &mut code[..length]) {
        return false;
    }
    let mut repeated = false;
    for &byte in &code[..length] {
        match byte {
            0xf2 | 0xf3 => repeated = true,
            // Operand and address size, segments, REX.
            0x66 | 0x67 | 0x64 | 0x65 | 0x2e | 0x36 | 0x3e | 0x26 | 0x40..=0x4f => {}
            // ins, outs, movs, cmps, stos, lods, scas
            0x6c..=0x6f | 0xa4..=0xa7 | 0xaa..=0xaf => return repeated,
            _ => return false,
        }
    }
    false
}

/// Whether the program enters the recorder next: at a `syscall` instruction, or at the jump that one
/// has become. Signals and preemption requests wait for that: it is an event, which a replay finds without a
/// landing. A landing there might not be found: in a call that is begun once more, rcx and r11 are lost.
pub fn is_at_call(ip: u64) -> bool {
    const LAST_OF_PAGE: u64 = 4095;
    let mut code = [0u8; 2];
    // Within the page: a fault could not be caught here.
    let is_instruction = ip % 4096 != LAST_OF_PAGE
        && guest::read(ip, &mut code)
        && matches!(code, [0x0f, 0x05] | [0xcd, 0x80]);
    is_instruction || call_sites::is_jump(ip)
}

/// The handler. The program's flags are still in force when the kernel calls it: with its alignment check,
/// accesses of ours would fault.
///
/// # Safety
/// Called by the kernel only.
#[unsafe(naked)]
pub unsafe extern "C" fn entry() {
    core::arch::naked_asm!(
        "push 0x202",
        "popfq",
        "jmp {handler}",
        handler = sym on_signal,
    )
}

/// What [`entry`] comes to.
unsafe extern "C" fn on_signal(number: u32, info: *const [u64; 16], context: *mut UserContext) {
    // SAFETY: the kernel passes valid pointers into its frame.
    let (info, context) = unsafe { (&*info, &mut *context) };
    // SAFETY: of the kernel's frame.
    unsafe { extended_state::keep_x87_unused(context.fpstate) };
    let mut signal = QueuedSignal {
        number,
        reserved: 0,
        info: *info,
    };
    if forwarded::is_second(&mut signal) {
        return;
    }
    // Any thread's handler runs on the signal stack in its own block.
    let thread = thread::of_address(&raw const signal as u64);
    let ip = context.general[RIP];
    if super::timer::is_alarm(&signal) {
        crate::pinning::release(thread);
    }

    let request = super::preemption::kind(&signal);
    let is_ours = request.is_some() || super::timer::is_alarm(&signal);
    let is_to_stop = is_ours && ptrace::notice::look(thread);
    if number == SIGCHLD {
        ptrace::news::arrive(&mut signal);
    }

    if ptrace::debug_registers::is_hit(&signal) {
        return watched::hit(thread, context);
    }
    if watched::is_within_string(thread, context, &signal) {
        return;
    }

    // In a trampoline the program is about to enter the recorder, or has just left it: no place
    // that a replay passes.
    if layout::is_reserved(ip) || call_sites::is_trampoline(ip) {
        if is_synchronous(number, &signal) {
            if stepping::is_step(number, context) {
                return stepping::in_our_code(thread, context, signal);
            }
            let fixups = [guarded_copy::fixup, time_stamp::fixup, transaction::fixup];
            match fixups.into_iter().find_map(|fixup| fixup(ip)) {
                Some(address) => context.general[RIP] = address,
                None => message::fatal_fault(number, ip, context.cr2),
            }
            return;
        }
        if let Some(request) = request {
            if thread.in_call.load(Ordering::Relaxed) != 0 {
                super::timer::end_looks(thread);
            }
            ask(thread, request);
            if (request == Kind::Now || is_to_stop) && ptrace::links::any() {
                // Perhaps what it is about to wait for comes from a tracee.
                match interruptible::abandon_address(ip) {
                    Some(address) => context.general[RIP] = address,
                    None if !is_to_stop => super::timer::arm(thread),
                    None => {}
                }
            }
            return;
        }
        if super::timer::is_alarm(&signal) {
            if let (true, Some(address)) = (is_to_stop, interruptible::abandon_address(ip)) {
                context.general[RIP] = address;
            }
            thread.timer_armed.store(0, Ordering::Relaxed);
            if ptrace::links::any() {
                // It may have interrupted a call: the program is not to know.
                ask(thread, Kind::IfSpinning);
            }
            // A thread that waits for its turn looks when it gets it.
            let waits = thread.waits.load(Ordering::Relaxed) != 0;
            if !waits && thread.queued.load(Ordering::Relaxed) > 0 {
                super::timer::arm(thread);
            }
            return;
        }
        keep(thread, context, signal);
        if let Some(address) = interruptible::abandon_address(ip) {
            context.general[RIP] = address;
        }
        return;
    }
    if number == SIGSYS && is_synchronous(number, &signal) {
        return trapped_call::redirect(context, &mut thread.frame, &signal.info);
    }
    if is_synchronous(number, &signal) && context.selectors as u16 != CODE_SEGMENT {
        // 32-bit code, to which we could not go back (`sysenter` ends there): it faults again, and dies of it.
        message::note("the program has come to 32-bit code, whose faults are not recorded");
        let action = [0u64; 4];
        // SAFETY: a sigaction of zeros: the default action.
        unsafe { syscall4(RT_SIGACTION, number.into(), action.as_ptr() as u64, 0, 8) };
        return;
    }
    if is_synchronous(number, &signal) {
        thread.fault = signal;
        thread.fault_context = [context.error, context.trap, context.cr2];
        return context.redirect(&mut thread.frame, Origin::Signal);
    }
    if is_ours && has_swallowed_trap(thread, context) {
        // Once more; what was asked for is done at the end of the call.
        context.general[RIP] = ip - 2;
        match request {
            Some(request) => ask(thread, request),
            None => thread.timer_armed.store(0, Ordering::Relaxed),
        }
        return;
    }
    if let Some(request) = request {
        if is_at_call(ip) {
            ask(thread, request);
        } else if !crate::scheduler::has_to_yield() {
            // Who begins to wait looks for himself.
            super::timer::end_looks(thread);
        } else if !is_repeating(ip) {
            let is_seen = spinning::is_seen(thread, context, waiting_places::may_count_at);
            let spins = is_seen && spinning::has_lasted(thread, ip);
            if is_seen && !spins {
                waiting_places::intend(thread, ip);
            }
            if request == Kind::IfSpinning && !spins && !has_to_yield_now(thread) {
                return;
            }
            spinning::note(thread, spins.then_some(ip));
            thread.fault.number = super::preemption::PREEMPT;
            // We have set it; the program's own flags never have it.
            context.general[FLAGS] &= !RESUME_FLAG;
            context.redirect(&mut thread.frame, Origin::Signal);
        }
        return;
    }
    if super::timer::is_alarm(&signal) {
        thread.timer_armed.store(0, Ordering::Relaxed);
        if thread.queued.load(Ordering::Relaxed) == 0 || is_at_call(ip) {
            return;
        }
        if is_repeating(ip) {
            super::timer::arm_soon(thread);
        } else {
            thread.fault.number = 0;
            context.general[FLAGS] &= !RESUME_FLAG;
            context.redirect(&mut thread.frame, Origin::Signal);
        }
        return;
    }
    keep(thread, context, signal);
}
