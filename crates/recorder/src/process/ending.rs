//! The end of a process: exit, or a signal it sends to itself.

use core::sync::atomic::Ordering;
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall1};
use reenact_trace::arena::slot_state;
use reenact_trace::EventKind;

use super::recipient::{Recipient, Sent};
use crate::call::{Call, Outcome};
use crate::log::{self, Builder};
use crate::snapshot::copies;
use crate::thread::{self, Thread};
use crate::{arena, companions, last_outputs, ptrace, scheduler, signal};

/// `exit` and `exit_group`: logged first, because there is no afterwards.
pub fn exit(call: &mut Call<'_>) -> Outcome {
    let begun = call.event.set_aside();
    let status = (call.args[0] as u32 & 0xff) << 8;
    ptrace::children::ends(call.thread, status);
    if companions::any() {
        super::companion::tidy_up();
    }
    if call.number == EXIT_GROUP {
        last_outputs::log_all(call.thread, || scheduler::log_blocked(&begun));
    }
    let own_threads = thread::COUNT.load(Ordering::Relaxed) - companions::count();
    let last = call.number == EXIT_GROUP || own_threads <= 1;
    let is_outlived =
        last && companions::any_lives() && !call.thread.companion && !call.thread.vfork_child;
    if is_outlived {
        super::companion::first_ends();
    }
    let mut event = Builder::new(EventKind::Exit, call.number as u16);
    event.header.ip = begun.ip;
    event.header.register_checksum = begun.register_checksum;
    event.header.args = call.args;
    event.header.result = (call.args[0] & 0xff) as i64;
    if call.thread.companion {
        super::companion::end(call.thread, event, call.number, call.args[0]);
    }
    if !last && !call.thread.vfork_child {
        super::threads::end(call.thread, event, call.args[0]);
    }
    let is_member = crate::sharing_group::is_member() && !call.thread.vfork_child;
    if is_member {
        // Others can see them: here, not when the kernel comes to it.
        super::robust::release(call.thread, &mut event);
    }
    event.commit();
    if !call.thread.vfork_child {
        ptrace::requests::let_go_of_all();
    }
    ptrace::endings::thread_ends(call.thread, status, last && !call.thread.vfork_child);
    if last && !call.thread.vfork_child {
        copies::end();
    }
    if is_member {
        crate::shared::leave_all();
        crate::sharing_group::leave();
    }
    if !call.thread.vfork_child {
        arena::slot()
            .state
            .store(slot_state::ENDED, Ordering::Release);
    }
    if is_outlived {
        log::stop();
        scheduler::pass_on();
    }
    loop {
        // SAFETY: the program asked for its end.
        unsafe { syscall1(call.number, call.args[0]) };
    }
}

/// If the signal is about to end the process itself, say so in the log while there is time: the
/// replay then reaches this very call.
pub fn announce_fatal_signal(call: &mut Call<'_>, sent: &Sent) {
    // SAFETY: no effect.
    let is_mine = unsafe {
        match sent.to {
            Recipient::Process(0) => true,
            Recipient::Process(pid @ 1..) => i64::from(pid) == syscall0(GETPID),
            // A group of processes; to all (-1) does not mean the caller.
            Recipient::Process(group) => -i64::from(group) == syscall1(numbers::GETPGID, 0),
            Recipient::Thread(tid) => i64::from(tid) == syscall0(GETTID),
        }
    };
    if !is_mine {
        return;
    }
    let info = sent.info;
    let sent = sent.signal;
    // A tracer sees any other signal first.
    if call.thread.link != 0 && sent != signal::SIGKILL {
        return;
    }
    let deadly = sent == signal::SIGKILL
        || signal::is_fatal_by_default(sent)
            && (signal::is_default(sent) && call.thread.mask & signal::bit(sent) == 0);
    if !deadly {
        return;
    }
    let registers = call.thread.frame.registers;
    let begun = call.event.set_aside();
    last_outputs::log_all(call.thread, || scheduler::log_blocked(&begun));
    let mut event = Builder::new(EventKind::Exit, call.number as u16);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    event.header.args = call.args;
    event.header.result = i64::from(sent);
    event.signal_information(&info);
    event.commit();
    call.event.go_on(&begun);
    arena::ring_doorbell();
    // The action in the kernel is ours: the default must be back.
    if sent != signal::SIGKILL {
        signal::reset_kernel_action(sent);
    }
}

/// `rt_sigreturn` where no frame can be read: the kernel raises SIGSEGV behind the call.
pub fn bad_signal_frame(thread: &mut Thread) -> Outcome {
    if signal::is_taken(thread, signal::SIGSEGV) {
        thread.fault = signal::raised_by_kernel();
        return Outcome::Raised(0);
    }
    crate::message::note("rt_sigreturn found no valid frame; the kernel answers with SIGSEGV");
    signal::end_by_kernel(thread);
    Outcome::Done(0)
}
