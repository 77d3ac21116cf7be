//! Enter a handler of the program.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::event::flags;
use reenact_trace::{EventKind, Registers, Tag};

use super::actions::{action, is_fatal_by_default, kernel_action, own_action, Action};
use super::frame::{self, ExtendedState, MAGIC1, MAGIC2, SOFTWARE_BYTES, XSAVE_MAX};
use super::*;
use crate::log::Builder;
use crate::thread::{QueuedSignal, Thread, SS_DISABLE};
use crate::{arena, guest, message};

/// Where the program is when a signal is delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At a system call instruction that has not been executed; `rip` points to it.
    SyscallEntry,
    /// Right after an event.
    AfterEvent,
    /// At an instruction that faulted (the `Fault` event precedes).
    Fault,
    /// In the middle of computation: a replay cannot find the place yet.
    Anywhere,
}

impl Moment {
    fn flags(self) -> u8 {
        match self {
            Moment::SyscallEntry => flags::AT_SYSCALL_ENTRY,
            Moment::AfterEvent | Moment::Fault => flags::IMMEDIATE,
            Moment::Anywhere => 0,
        }
    }
}

/// Whether an interrupted system call would be restarted by the kernel after the first queued
/// signal's handler (its SA_RESTART).
pub fn restarts_after_queued(thread: &Thread) -> bool {
    queue::first(thread).is_none_or(|first| action(first.number).flags & SA_RESTART != 0)
}

/// Whether the first queued signal runs a handler of the program.
pub fn interrupts(thread: &Thread) -> bool {
    queue::first(thread).is_some_and(|first| {
        thread.mask & bit(first.number) == 0 && action(first.number).is_handler()
    })
}

/// Deliver all queued signals that the program does not block. `temporary_mask` is the mask of a
/// `sigsuspend`-like call that they interrupted.
///
/// At a system call's entry `rip` must already point to the instruction.
#[inline(never)]
pub fn deliver_queued(thread: &mut Thread, moment: Moment, temporary_mask: Option<u64>) {
    let mut moment = moment;
    let mut base = temporary_mask;
    let mut left = thread.queued.load(Ordering::Relaxed);
    while left > 0 && queued(thread) {
        left -= 1;
        let signal = queue::take_first(thread);
        let blocked = base.unwrap_or(thread.mask) & bit(signal.number) != 0;
        let program = *action(signal.number);
        if !blocked && program.handler == SIG_DFL && is_fatal_by_default(signal.number) {
            return end(thread, &signal, moment);
        }
        if blocked || !program.is_handler() {
            give_back(thread, &signal);
            continue;
        }
        enter(thread, &signal, moment, base.take());
        moment = Moment::AfterEvent;
    }
}

/// The signal ends the process. The log says where it was, and the kernel does it.
#[cold]
fn end(thread: &Thread, signal: &QueuedSignal, moment: Moment) {
    let registers = thread.frame.registers;
    let mut event = Builder::new(EventKind::SignalDelivered, signal.number as u16);
    if moment == Moment::Anywhere {
        landing::describe(&mut event, &thread.frame);
    }
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    event.header.flags = moment.flags();
    // No frame: there is no handler.
    event.registers(&registers);
    // SAFETY: plain words as bytes.
    let info = unsafe { core::slice::from_raw_parts(signal.info.as_ptr().cast::<u8>(), 128) };
    event.bytes(Tag::SignalInfo, 0, info);
    event.commit();
    arena::ring_doorbell();
    kernel_action(signal.number, Some(&Action::default()), None);
    // A call that waited with another mask may have let it through.
    let_in(thread, signal.number);
    sending::send(thread, signal);
    // Still here: the first process of a namespace is not ended by its own kind.
    set_kernel_mask(thread);
    let own = own_action(action(signal.number));
    kernel_action(signal.number, Some(&own), None);
}

/// The program has blocked, ignored or reset the signal since it arrived: the kernel keeps it
/// (blocked), drops it, or acts on it, as it would have.
fn give_back(thread: &mut Thread, signal: &QueuedSignal) {
    if SYNCHRONOUS.contains(&signal.number) && !action(signal.number).is_handler() {
        // The kernel's action for these is always ours.
        if action(signal.number).handler == SIG_IGN {
            return;
        }
        kernel_action(signal.number, Some(&Action::default()), None);
    }
    if thread.mask & bit(signal.number) & never_blocked() != 0 {
        return held::hold(thread, signal);
    }
    if thread.mask & bit(signal.number) != 0 {
        return sending::send_first(thread, signal);
    }
    set_kernel_mask(thread);
    sending::send(thread, signal);
}

/// Deliver the fault in `thread.fault`. Its event has been logged. Kills the process as the
/// kernel would when the program has no handler for it.
#[inline(never)]
pub fn deliver_fault(thread: &mut Thread) {
    let signal = thread.fault;
    let program = *action(signal.number);
    if !program.is_handler() || thread.mask & bit(signal.number) != 0 {
        // Run the faulting instruction again with the default action: the kernel kills the
        // process there, with the core dump the program would have left.
        arena::ring_doorbell();
        kernel_action(signal.number, Some(&Action::default()), None);
        if is_behind_trap(thread, &signal) {
            // It has been executed already: raise the signal by hand.
            let pid = unsafe_getpid();
            // SAFETY: sends a signal to ourselves.
            unsafe { syscall2(KILL, pid, signal.number as u64) };
        }
        return;
    }
    enter(thread, &signal, Moment::Fault, None);
}

/// Whether the program stands behind the instruction that raised the signal: traps (`int3`, `int 4`) do that.
fn is_behind_trap(thread: &Thread, signal: &QueuedSignal) -> bool {
    const INT_4: [u8; 2] = [0xcd, 4];
    let mut before = [0u8; 2];
    let at = thread.frame.registers.rip.wrapping_sub(2);
    signal.number == SIGTRAP
        || signal.number == SIGSEGV && guest::read(at, &mut before) && before == INT_4
}

fn unsafe_getpid() -> u64 {
    // SAFETY: no effect.
    unsafe { reenact_freestanding::syscall::syscall0(GETPID) as u64 }
}

const FRAME_SIZE: usize = 440;
/// Build the frame, log it, and make the thread's registers those of the handler's entry.
#[inline(never)]
fn enter(thread: &mut Thread, signal: &QueuedSignal, moment: Moment, temporary: Option<u64>) {
    let program = *action(signal.number);
    if program.flags & SA_RESETHAND != 0 {
        let reset = Action {
            handler: SIG_DFL,
            flags: program.flags,
            ..Action::default()
        };
        *action(signal.number) = reset;
        if !SYNCHRONOUS.contains(&signal.number) && !is_fatal_by_default(signal.number) {
            kernel_action(signal.number, Some(&Action::default()), None);
        }
    }
    let before = thread.frame.registers;
    let (features, xsave_size) = frame::extended_state();

    // Where the frame goes.
    let mut sp = before.rsp.wrapping_sub(128);
    let [stack_base, stack_flag, stack_size] = thread.alternate_stack;
    let alternate = program.flags & SA_ONSTACK != 0
        && stack_flag & SS_DISABLE == 0
        && !alternate_stack::is_on_it(thread, before.rsp);
    if alternate {
        sp = stack_base + stack_size;
    }
    let area_size = (xsave_size as usize + 4).min(XSAVE_MAX);
    let area_at = sp.wrapping_sub(area_size as u64) & !63;
    let frame_at = (area_at.wrapping_sub(FRAME_SIZE as u64) & !15).wrapping_sub(8);

    // Vector state.
    let mut area = ExtendedState([0; XSAVE_MAX]);
    frame::save(&thread.frame, &mut area);
    let software = SOFTWARE_BYTES as usize;
    area.0[software..software + 48].fill(0);
    area.0[software..software + 4].copy_from_slice(&MAGIC1.to_le_bytes());
    area.0[software + 4..software + 8].copy_from_slice(&(area_size as u32).to_le_bytes());
    area.0[software + 8..software + 16].copy_from_slice(&features.to_le_bytes());
    area.0[software + 16..software + 20].copy_from_slice(&(xsave_size as u32).to_le_bytes());
    // As save_xstate_epilog of arch/x86/kernel/fpu/signal.c: x87 and SSE always count as in use.
    area.0[frame::XSTATE_IN_USE as usize] |= 3;
    let end = xsave_size as usize;
    area.0[end..end + 4].copy_from_slice(&MAGIC2.to_le_bytes());

    // The frame proper.
    let mut words = [0u64; FRAME_SIZE / 8];
    words[0] = program.restorer;
    words[1] = 7; // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
    words[3] = stack_base;
    words[4] = alternate_stack::flags(thread, before.rsp);
    words[5] = stack_size;
    let r = &before;
    let general = [
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx,
        r.rax, r.rcx, r.rsp, r.rip, r.rflags,
    ];
    words[6..24].copy_from_slice(&general);
    words[24] = 0x33 | 0x2b << 48;
    if moment == Moment::Fault {
        words[25..27].copy_from_slice(&thread.fault_context[..2]);
        words[28] = thread.fault_context[2];
    }
    let saved_mask = thread.mask;
    words[27] = saved_mask;
    words[29] = area_at;
    words[38] = saved_mask;
    if program.flags & SA_SIGINFO != 0 {
        words[39..55].copy_from_slice(&signal.info);
    }
    // SAFETY: plain words as bytes.
    let frame_bytes =
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), FRAME_SIZE) };
    let mut event = Builder::new(EventKind::SignalDelivered, signal.number as u16);
    if moment == Moment::Anywhere {
        landing::describe(&mut event, &thread.frame);
    }
    if !guest::write(area_at, &area.0[..area_size]) || !guest::write(frame_at, frame_bytes) {
        // No room for the frame: the kernel kills the process with SIGSEGV.
        drop(event);
        message::note("a signal handler could not be entered: its stack is not writable");
        arena::ring_doorbell();
        kernel_action(SIGSEGV, Some(&Action::default()), None);
        let_in(thread, SIGSEGV);
        // SAFETY: sends a signal to ourselves.
        unsafe { syscall2(KILL, unsafe_getpid(), u64::from(SIGSEGV)) };
        return;
    }
    if alternate && stack_flag & alternate_stack::AUTODISARM != 0 {
        thread.alternate_stack = [0, SS_DISABLE, 0];
    }

    // The handler's mask.
    let mut mask = temporary.unwrap_or(thread.mask) | program.mask;
    if program.flags & SA_NODEFER == 0 {
        mask |= bit(signal.number);
    }
    thread.mask = mask & !(bit(SIGKILL) | bit(SIGSTOP));
    set_kernel_mask(thread);

    // The handler's registers.
    let after = Registers {
        rdi: u64::from(signal.number),
        rsi: frame_at + 312,
        rdx: frame_at + 8,
        rax: 0,
        rsp: frame_at,
        rip: program.handler,
        rflags: before.rflags & !0x1_0500,
        ..before
    };
    frame::reset(&mut thread.frame);
    thread.frame.registers = after;
    thread.frame.resume_at = after.rip;

    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.flags = moment.flags();
    event.registers(&after);
    event.bytes(Tag::Write, area_at, &area.0[..area_size]);
    event.bytes(Tag::Write, frame_at, frame_bytes);
    // SAFETY: plain words as bytes.
    let info = unsafe { core::slice::from_raw_parts(signal.info.as_ptr().cast::<u8>(), 128) };
    event.bytes(Tag::SignalInfo, 0, info);
    event.commit();
}
