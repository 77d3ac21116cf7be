//! Enter a handler of the program.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3};
use reenact_interpose::alternate_stack::AlternateStack;
use reenact_interpose::extended_state::{self, ExtendedState, XSAVE_MAX};
use reenact_interpose::frame::is_canonical;
use reenact_interpose::signal_frame::{self, Interruption};
use reenact_trace::event::flags;
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::{EventKind, Tag};

use super::actions::{action, are_all_taken, is_fatal_by_default, kernel_action, own_action};
use super::*;
use crate::log::Builder;
use crate::ptrace::signals::Fate;
use crate::ptrace::stopped::Place;
use crate::thread::{QueuedSignal, Thread};
use crate::{arena, guest, last_outputs, message, ptrace};

/// Where the program is when a signal is delivered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At a system call instruction that has not been executed; `rip` points to it.
    SyscallEntry,
    /// Right after an event.
    AfterEvent,
    /// At an instruction that faulted (the `Fault` event precedes).
    Fault,
    /// In the middle of computation: the event describes the place, and a replay searches for it.
    Anywhere,
}

impl Moment {
    /// As the stop of a traced thread has it.
    fn place(self) -> Place {
        match self {
            Moment::SyscallEntry => Place::AtCall,
            Moment::AfterEvent | Moment::Fault => Place::AfterEvent,
            Moment::Anywhere => Place::Anywhere,
        }
    }

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
    queue::first(thread).is_none_or(|first| {
        let program = action(first.number);
        // What stops a traced thread runs no handler.
        !program.is_handler() || program.flags & SA_RESTART != 0
    })
}

/// Whether the first queued signal runs a handler of the program.
pub fn interrupts(thread: &Thread) -> bool {
    queue::first(thread).is_some_and(|first| {
        thread.mask & bit(first.number) == 0 && action(first.number).is_handler()
    })
}

/// Whether the first queued signal ends the process.
pub fn ends_process(thread: &Thread) -> bool {
    queue::first(thread).is_some_and(|first| {
        let is_default = action(first.number).handler == SIG_DFL;
        thread.mask & bit(first.number) == 0 && is_default && is_fatal_by_default(first.number)
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
    // Whether an interrupted call begins again is decided when its tracer has seen all of them.
    while (left > 0 || thread.interrupted.is_there) && queued(thread) {
        left = left.saturating_sub(1);
        let mut signal = queue::take_first(thread);
        if is_unwanted_stop(&signal) {
            continue;
        }
        let blocked = base.unwrap_or(thread.mask) & bit(signal.number) != 0;
        let is_traced = thread.link != 0 || signal.number == SIGSTOP;
        if is_traced && !blocked {
            let mut place = moment.place();
            let before = place;
            let fate = ptrace::signals::show(thread, &mut signal, &mut place);
            if place != before {
                moment = Moment::AfterEvent;
            }
            match fate {
                Fate::Delivered if !is_dealt_with(thread, &signal, &mut moment) => {}
                Fate::Delivered | Fate::Gone => {
                    // Those that follow it may come.
                    set_kernel_mask(thread);
                    continue;
                }
                Fate::Blocked => {
                    give_back(thread, &signal);
                    continue;
                }
                Fate::StopsUntraced => {
                    stop_for(thread, &signal);
                    continue;
                }
            }
        }
        let program = *action(signal.number);
        if !blocked && program.handler == SIG_DFL && is_fatal_by_default(signal.number) {
            return end(thread, &signal, moment);
        }
        if blocked || !program.is_handler() {
            give_back(thread, &signal);
            continue;
        }
        ptrace::interrupted::settle(thread, Some(program.flags));
        if thread.is_stepped {
            // Neither the frame nor the handler has the trap flag (arch/x86/kernel/signal.c: setup_rt_frame).
            thread.frame.registers.rflags &= !TRAP_FLAG;
        }
        enter(thread, &signal, moment, base.take());
        moment = Moment::AfterEvent;
        if thread.is_stepped {
            ptrace::stops::step_stop(thread);
        }
    }
    ptrace::interrupted::settle(thread, None);
}

/// The stop of a tracee, of which the program does not want to be told by a signal.
fn is_unwanted_stop(signal: &QueuedSignal) -> bool {
    signal.number == SIGCHLD
        && signal.info[1] & 0xffff_ffff == ptrace::news::TRAPPED
        && action(SIGCHLD).flags & SA_NOCLDSTOP != 0
}

/// A signal of a traced thread that runs no handler and ends nothing: whether it is one. The recorder's own action
/// stands in the kernel.
fn is_dealt_with(thread: &mut Thread, signal: &QueuedSignal, moment: &mut Moment) -> bool {
    let program = action(signal.number);
    if thread.link == 0 || program.is_handler() {
        return false;
    }
    if program.handler == SIG_IGN {
        return true;
    }
    if ptrace::signals::is_stopping(signal.number) {
        let mut place = moment.place();
        let before = place;
        ptrace::signals::group_stop(thread, signal.number, &mut place);
        if place != before {
            *moment = Moment::AfterEvent;
        }
        return true;
    }
    !is_fatal_by_default(signal.number)
}

/// A signal stops the thread's process, which nobody traces.
fn stop_for(thread: &Thread, signal: &QueuedSignal) {
    kernel_action(signal.number, Some(&Action::default()), None);
    sending::send(thread, signal);
}

/// The signal ends the process. The log says where it was, and the kernel does it.
#[cold]
fn end(thread: &mut Thread, signal: &QueuedSignal, mut moment: Moment) {
    if thread.link != 0 {
        let mut place = moment.place();
        let before = place;
        ptrace::endings::by_signal(thread, signal.number, &mut place);
        if place != before {
            moment = Moment::AfterEvent;
        }
    }
    if matches!(moment, Moment::AfterEvent | Moment::Anywhere) {
        let frame = core::ptr::from_ref(&thread.frame);
        last_outputs::log_all(thread, || {
            if moment == Moment::Anywhere {
                // SAFETY: the thread's own, which nothing changes meanwhile.
                landing::log(unsafe { &*frame });
                moment = Moment::AfterEvent;
            }
        });
    }
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
    event.signal_information(&signal.info);
    event.commit();
    ptrace::endings::thread_ends(thread, signal.number, true);
    arena::ring_doorbell();
    kernel_action(signal.number, Some(&Action::default()), None);
    // A call that waited with another mask may have let it through.
    let_in(thread, signal.number);
    sending::send(thread, signal);
    // Still here: the first process of a namespace is not ended by its own kind.
    set_kernel_mask(thread);
    let own = own_action(action(signal.number));
    kernel_action(signal.number, Some(&own), None);
    last_outputs::goes_on();
}

/// The program has blocked, ignored or reset the signal since it arrived: the kernel keeps it
/// (blocked), drops it, or acts on it, as it would have.
fn give_back(thread: &mut Thread, signal: &QueuedSignal) {
    if thread.mask & bit(signal.number) & never_blocked() != 0 {
        return held::hold(thread, signal);
    }
    if thread.mask & bit(signal.number) == 0 && is_ignored(signal.number) {
        // It has come because another thread is traced, or this one was a moment ago.
        return set_kernel_mask(thread);
    }
    if SYNCHRONOUS.contains(&signal.number) && !action(signal.number).is_handler() {
        // The kernel's action for these is always ours.
        if action(signal.number).handler == SIG_IGN {
            return;
        }
        kernel_action(signal.number, Some(&Action::default()), None);
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
        let mut place = Moment::Fault.place();
        ptrace::endings::by_signal(thread, signal.number, &mut place);
        last_outputs::log_all(thread, || {});
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

/// Whether the program has a handler for a signal that its own call raises, and does not block it: otherwise the
/// process ends (kernel/signal.c: force_sig_info_to_task).
pub fn is_taken(thread: &Thread, number: u32) -> bool {
    action(number).is_handler() && thread.mask & bit(number) == 0
}

/// Enter the handler of the signal in `thread.fault`, which the call just finished has raised.
pub fn deliver_raised(thread: &mut Thread) {
    let signal = thread.fault;
    enter(thread, &signal, Moment::AfterEvent, None);
}

/// SIGSEGV as the kernel raises it for a reason of its own.
pub fn raised_by_kernel() -> QueuedSignal {
    const SI_KERNEL: u64 = 0x80;
    let mut raised = QueuedSignal {
        number: SIGSEGV,
        reserved: 0,
        info: [0; 16],
    };
    (raised.info[0], raised.info[1]) = (u64::from(SIGSEGV), SI_KERNEL);
    raised
}

/// The kernel raises SIGSEGV, behind the last event (`force_sig`).
#[cold]
pub fn raise_by_kernel(thread: &mut Thread) {
    thread.fault = raised_by_kernel();
    raise_behind_event(thread);
}

/// SIGSEGV of a store to an address, behind the last event: code that we have run for the program would have made it.
#[cold]
pub fn raise_unwritable(thread: &mut Thread, address: u64) {
    const SEGV_MAPERR: u64 = 1;
    const SEGV_ACCERR: u64 = 2;
    const GENERAL_PROTECTION: u64 = 13;
    const PAGE_FAULT: u64 = 14;
    /// Bits of its error code: the page is there, it was a store, by the program.
    const PRESENT: u64 = 1;
    const STORE: u64 = 2 | 4;
    let mut raised = raised_by_kernel();
    if !is_canonical(address) {
        let [_, _, last_address] = thread.fault_context;
        thread.fault_context = [0, GENERAL_PROTECTION, last_address];
        thread.fault = raised;
        thread.raised_context = true;
        return raise_behind_event(thread);
    }
    let mut resident = 0u8;
    let page = address & !(PAGE - 1);
    // SAFETY: fills a byte of ours.
    let known = unsafe { syscall3(MINCORE, page, 1, &raw mut resident as u64) } == 0;
    let present = if known && resident & 1 != 0 {
        PRESENT
    } else {
        0
    };
    thread.fault_context = [STORE | present, PAGE_FAULT, address];
    raised.info[1] = if guest::is_mapped(address & !(PAGE - 1), 1) {
        SEGV_ACCERR
    } else {
        SEGV_MAPERR
    };
    raised.info[2] = address;
    thread.fault = raised;
    thread.raised_context = true;
    raise_behind_event(thread);
}

fn raise_behind_event(thread: &mut Thread) {
    if is_taken(thread, SIGSEGV) {
        deliver_raised(thread);
    } else {
        end_by_kernel(thread);
    }
}

/// The kernel's SIGSEGV ends the process.
#[cold]
pub fn end_by_kernel(thread: &mut Thread) {
    last_outputs::log_all(thread, || {});
    arena::ring_doorbell();
    kernel_action(SIGSEGV, Some(&Action::default()), None);
    let_in(thread, SIGSEGV);
    // SAFETY: sends a signal to ourselves.
    unsafe { syscall2(KILL, unsafe_getpid(), u64::from(SIGSEGV)) };
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

/// There is no room for a signal's frame: the signal is lost, and the kernel raises SIGSEGV, whose handler
/// may have a stack of its own (arch/x86/kernel/signal.c: signal_setup_done).
#[cold]
fn no_room(thread: &mut Thread, signal: &QueuedSignal, moment: Moment, temporary: Option<u64>) {
    let is_blocked = thread.mask & bit(SIGSEGV) != 0;
    if signal.number != SIGSEGV && !is_blocked && action(SIGSEGV).is_handler() {
        return enter(thread, &raised_by_kernel(), moment, temporary);
    }
    message::note("a signal handler could not be entered: its stack is not writable");
    arena::ring_doorbell();
    kernel_action(SIGSEGV, Some(&Action::default()), None);
    let_in(thread, SIGSEGV);
    // SAFETY: sends a signal to ourselves.
    unsafe { syscall2(KILL, unsafe_getpid(), u64::from(SIGSEGV)) };
}

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
        let is_kernels = !SYNCHRONOUS.contains(&signal.number)
            && !is_fatal_by_default(signal.number)
            && !are_all_taken();
        if is_kernels {
            kernel_action(signal.number, Some(&Action::default()), None);
        }
    }
    let before = thread.frame.registers;
    let components = components();
    let has_context = moment == Moment::Fault || core::mem::take(&mut thread.raised_context);
    let interruption = Interruption {
        registers: &before,
        mask: thread.mask,
        stack: thread.alternate_stack,
        signal: signal.number,
        info: &signal.info,
        action: &program,
        fault: has_context.then_some(thread.fault_context),
    };
    let built = signal_frame::build(&interruption, components);
    let mut area = ExtendedState([0; XSAVE_MAX]);
    extended_state::save(&thread.frame, components, &mut area);
    let area_size = extended_state::finish_for_frame(&mut area, components);
    let (area_at, state) = (built.state_address, &area.0[..area_size]);
    let mut event = Builder::new(EventKind::SignalDelivered, signal.number as u16);
    if moment == Moment::Anywhere {
        landing::describe(&mut event, &thread.frame);
    }
    if !guest::write(area_at, state) || !guest::write(built.address, built.bytes()) {
        drop(event);
        return no_room(thread, signal, moment, temporary);
    }
    // On whichever stack the handler runs (kernel/signal.c: signal_delivered).
    if thread.alternate_stack.is_disarmed_by_handlers() {
        thread.alternate_stack = AlternateStack::DISABLED;
    }

    // The handler's mask.
    let mut mask = temporary.unwrap_or(thread.mask) | program.mask;
    if program.flags & SA_NODEFER == 0 {
        mask |= bit(signal.number);
    }
    thread.mask = mask & !(bit(SIGKILL) | bit(SIGSTOP));
    set_kernel_mask(thread);

    extended_state::reset(&mut thread.frame, components);
    thread.frame.registers = built.registers;

    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.flags = moment.flags();
    event.registers(&built.registers);
    event.bytes(Tag::Write, area_at, state);
    event.bytes(Tag::Write, built.address, built.bytes());
    event.signal_information(&signal.info);
    event.commit();
}
