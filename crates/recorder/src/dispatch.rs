//! Which part of the recorder performs a system call. This module alone knows the handlers of calls,
//! and none of them knows it: a handler that has nothing of its own to do answers `None`, and the
//! call is made as an ordinary one.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall6;
use reenact_syscalls::{
    may_exist, Before, Class, Restart, Sends, SignalAction, Sink, SpecialAction, SystemCall, Wait,
};
use reenact_trace::layout;

use crate::call::{Call, Outcome};
use crate::guest::GuestMemory;
use crate::log::Builder;
use crate::nested_pointers::{self, Vectors, Verdict};
use crate::snapshot::copies;
use crate::text;
use crate::time_left::TimeLeft;
use crate::{
    asynchronous_io, blocking, compared, descriptor_table, file_changes, implied_execution, limits,
    mappings, message, named_descriptors, output_order, pinning, polled_numbers, proc_files,
    process, ptrace, scheduler, signal, spinning, time_stamp_option, time_stamps, unperformed,
    virtualize,
};
use reenact_interpose::interruptible::{self, NOT_BEGUN};

/// Perform a call of the program; `entry`: its row of the table.
pub fn perform(call: &mut Call<'_>, entry: Option<&SystemCall>) -> Outcome {
    if call.thread.confinement.filters != 0 {
        if let Some(outcome) = process::filtered::answer(call) {
            return outcome;
        }
    }
    let Some(entry) = entry else {
        if may_exist(call.number) {
            unknown(call.number);
        }
        return Outcome::Done(-ENOSYS);
    };
    if call.number == PRCTL {
        if let Some(outcome) = time_stamp_option::perform(call) {
            return outcome;
        }
        // The program is not told what we have asked for.
        time_stamps::allow(call.thread);
    }
    let outcome = by_class(call, entry).unwrap_or_else(|| plain(call, entry));
    if call.number == PRCTL {
        time_stamps::take_turn(call.thread);
    }
    outcome
}

#[cold]
fn unknown(number: u64) {
    let text = text!(
        "system call {number} is not known to this version of reenact; the program was told ENOSYS"
    );
    message::once(text.as_str());
}

/// By the handler of its class; `None`: an ordinary call.
#[inline(always)]
fn by_class(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    pinning::at_call(call.thread, entry.class, &mut call.event);
    match entry.class {
        Class::Plain | Class::Declined(..) | Class::Refused(..) => None,
        Class::Memory(action) => mappings::perform(call, action),
        Class::Process(action) => Some(process::perform(call, action)),
        Class::Signal(action) => perform_signal(call, action),
        Class::Special(action) => perform_special(call, entry, action),
    }
}

#[inline(never)]
fn perform_signal(call: &mut Call<'_>, action: SignalAction) -> Option<Outcome> {
    use signal::calls;
    let Call {
        thread,
        args,
        event,
        ..
    } = call;
    Some(Outcome::Done(match action {
        SignalAction::SetAction => calls::sigaction(event, args),
        SignalAction::SetMask => calls::sigprocmask(thread, event, args),
        SignalAction::SetStack => calls::sigaltstack(thread, event, args),
        SignalAction::Pending => return signal::pending(thread, event, args).map(Outcome::Done),
        SignalAction::ReturnFromHandler => {
            if signal::sigreturn(thread) {
                return Some(Outcome::Finished);
            }
            return Some(process::bad_signal_frame(thread));
        }
        SignalAction::Pause | SignalAction::FromKernel | SignalAction::Plain => return None,
    }))
}

#[inline(never)]
fn perform_special(
    call: &mut Call<'_>,
    entry: &SystemCall,
    action: SpecialAction,
) -> Option<Outcome> {
    match action {
        SpecialAction::SetClearedWord => {
            // Cleared by us when the thread ends: see `process::threads`.
            call.thread.clear_child_tid = call.args[0];
            Some(Outcome::Done(i64::from(call.thread.tid)))
        }
        SpecialAction::SetRobustList => {
            /// `struct robust_list_head`; with another size the kernel refuses it.
            const HEAD: u64 = 24;
            if call.args[1] == HEAD {
                call.thread.robust_list = call.args[0];
            }
            None
        }
        SpecialAction::Yield => {
            let yields = scheduler::is_shared() && !call.thread.vfork_child;
            if !yields || !scheduler::somebody_waits() {
                return None;
            }
            spinning::yield_at_event(call.thread);
            Some(Outcome::Done(0))
        }
        SpecialAction::AsynchronousIo => Some(asynchronous_io::perform(call)),
        SpecialAction::Trace => Some(ptrace::requests::perform(call)),
        SpecialAction::AwaitChild => Some(await_child(call, entry)),
        SpecialAction::Personality => Some(Outcome::Done(implied_execution::personality(call))),
        SpecialAction::WriteToProcess => process::remote::refuse_writing(call.args[0]),
        SpecialAction::ProcessorState
        | SpecialAction::ListDirectory
        | SpecialAction::CloseRange
        | SpecialAction::Namespaces => None,
        SpecialAction::Limit => limits::perform(call),
        SpecialAction::RestrictFiles => {
            process::own_files::allow(call.args[0]);
            None
        }
        SpecialAction::Confine => process::filter_calls::perform(call),
    }
}

/// A call that waits for a child, or for a tracee. Who is asked while it waits in the kernel whether it has any looks again.
fn await_child(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    let options = call.args[if call.number == WAITID { 3 } else { 2 }];
    copies::before_waiting(options);
    loop {
        if let Some(outcome) = ptrace::waiting::perform(call) {
            return outcome;
        }
        let outcome = plain(call, entry);
        ptrace::waiting::performed(call, &outcome);
        if !(matches!(outcome, Outcome::Interrupted) && ptrace::links::any()) {
            return outcome;
        }
        ptrace::disturbed::is_only_ours(call.thread);
        if signal::queued(call.thread) {
            return outcome;
        }
    }
}

struct Outputs<'a>(&'a mut Builder);

impl Sink for Outputs<'_> {
    fn output(&mut self, address: u64, length: u64) {
        self.0.written_memory(address, length);
    }
}

/// Pass the call to the kernel and log what it wrote.
fn plain(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    if names_our_memory(call, entry) {
        return Outcome::Done(-EFAULT);
    }
    if matches!(call.number, POLL | PPOLL) {
        if let Some(result) = polled_numbers::answer(call) {
            return Outcome::Done(result);
        }
    }
    if matches!(call.number, IOCTL | KCMP | SENDMSG | SENDMMSG) {
        if named_descriptors::names_hidden(call) {
            return Outcome::Done(-EBADF);
        }
        if call.number == SENDMMSG {
            let before = named_descriptors::messages_before_hidden(call);
            call.substitute = before.map(|count| (2, count));
        }
    }
    if !entry.nested.is_empty() {
        match nested_pointers::check(call, entry) {
            Verdict::Harmless => {}
            Verdict::HasVectors => return with_vectors(call, entry),
            Verdict::Fewer(argument, count) => call.substitute = Some((argument, count)),
            Verdict::Fault => return Outcome::Done(-EFAULT),
        }
    }
    if entry.facts.is_simple {
        return make(call, entry, call.args, &Before::simple());
    }
    captured(call, entry, call.args)
}

/// Whether the program passes an address of ours as a pointer: for it there is no memory. Outputs
/// there the kernel might refuse by itself, inputs it would read. Ranges of calls about mappings are
/// their handlers' affair.
#[inline(always)]
fn names_our_memory(call: &Call<'_>, entry: &SystemCall) -> bool {
    let [a, b, c, d, e, f] = call.args.map(|value| u8::from(layout::is_reserved(value)));
    let ours = a | b << 1 | c << 2 | d << 3 | e << 4 | f << 5;
    ours & entry.facts.addresses != 0 && !matches!(entry.class, Class::Memory(_))
}

/// A call whose vectors name memory of ours: the kernel is given others.
#[cold]
#[inline(never)]
fn with_vectors(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    let mut vectors = Vectors::new();
    let args = vectors.replace(call, entry);
    captured(call, entry, args)
}

/// A call about whose outputs something has to be known from before it. `args`: for the kernel.
fn captured(call: &mut Call<'_>, entry: &SystemCall, args: [u64; 6]) -> Outcome {
    if matches!(call.number, SELECT | PSELECT6) {
        if call.args[0] as i32 >= 0 && descriptor_table::names_hidden(&call.args) {
            return Outcome::Done(-EBADF);
        }
        let limit = descriptor_table::limit(call.args[0]);
        call.substitute = limit.map(|count| (0, count));
    }
    match Before::capture(entry, &call.args, &GuestMemory) {
        Ok(before) if before.is_unknown() => unknown_outputs(call, entry, args, &before),
        Ok(before) => make(call, entry, args, &before),
        Err(_) if entry.class.is_performed() && !virtualize::has_descriptors(call, entry) => {
            Outcome::Done(-EBADF)
        }
        Err(refusal) => {
            if let Some(result) = unperformed::answer(call) {
                return Outcome::Done(result);
            }
            if !refusal.is_declined() {
                let text = text!("{refusal}");
                message::once(text.as_str());
            }
            Outcome::Done(-i64::from(refusal.errno()))
        }
    }
}

/// A request of `ioctl` of which nobody knows what it writes.
#[cold]
#[inline(never)]
fn unknown_outputs(
    call: &mut Call<'_>,
    entry: &SystemCall,
    args: [u64; 6],
    before: &Before,
) -> Outcome {
    if !virtualize::has_descriptors(call, entry) {
        return Outcome::Done(-EBADF);
    }
    let request = args[1] as u32;
    match compared::perform(call, |call| make(call, entry, args, before)) {
        Some(Outcome::Done(result)) => {
            if result != -ENOTTY {
                let text = text!(
                    "ioctl {request:#x}: it is not known what it writes; what had changed in memory was looked for"
                );
                message::once(text.as_str());
            }
            Outcome::Done(result)
        }
        Some(outcome) => outcome,
        None => {
            let text = text!(
                "ioctl {request:#x}: without /proc it cannot be found out what it writes; the program was told ENOTTY"
            );
            message::once(text.as_str());
            Outcome::Done(-ENOTTY)
        }
    }
}

/// What has kept a call from being performed.
enum Disturbance {
    /// Nothing, or what the program is to know of.
    None,
    /// Only we wanted something.
    Ours,
    /// A signal that a tracer sees first, before a call that does not wait: it is performed, and the signal comes behind it.
    Later,
}

const EINTERRUPTED: i64 = -EINTR;

#[inline(always)]
fn disturbance(call: &mut Call<'_>, entry: &SystemCall, result: i64) -> Disturbance {
    if matches!(result, NOT_BEGUN | EINTERRUPTED) && ptrace::links::any() {
        disturbance_of_traced(call, entry, result)
    } else {
        Disturbance::None
    }
}

#[cold]
fn disturbance_of_traced(call: &mut Call<'_>, entry: &SystemCall, result: i64) -> Disturbance {
    // Whoever waits for children looks for tracees first.
    let awaits_child = matches!(entry.class, Class::Special(SpecialAction::AwaitChild));
    if !awaits_child && ptrace::disturbed::is_only_ours(call.thread) {
        return Disturbance::Ours;
    }
    let does_not_wait = entry.wait == Wait::Never && entry.restart == Restart::None;
    if result == NOT_BEGUN && does_not_wait && call.thread.link != 0 {
        return Disturbance::Later;
    }
    Disturbance::None
}

/// Make a call whatever signals wait.
unsafe fn performed(number: u64, args: &[u64; 6]) -> i64 {
    let [a, b, c, d, e, f] = *args;
    // SAFETY: passed on.
    unsafe { syscall6(number, a, b, c, d, e, f) }
}

/// Whether a call that signals interrupt begins again unless a handler runs.
fn begins_again(restart: Restart) -> bool {
    matches!(
        restart,
        Restart::WithFlag | Restart::NoHandler | Restart::Block
    )
}

/// Make a call that is neither declined nor refused.
#[inline(always)]
fn make(call: &mut Call<'_>, entry: &SystemCall, mut args: [u64; 6], before: &Before) -> Outcome {
    if let Some(answer) = virtualize::answer(call, entry) {
        return answer;
    }
    if proc_files::may_show_memory() {
        if let Some(answer) = ptrace::memory_files::answer(call) {
            return answer;
        }
    }
    let change = if entry.facts.changes_files {
        file_changes::before(call, entry)
    } else {
        None
    };
    let victim = match entry.sends {
        Sends::Nothing => None,
        _ if process::stops_tracee(call, entry) => return Outcome::Done(0),
        _ => process::before_sending(call, entry),
    };
    if let Some((index, value)) = call.substitute {
        args[index] = value;
    }
    let handed_over = entry.facts.takes_signals && signal::hand_over(call.thread);
    let mut left = TimeLeft::of(call, entry);
    left.go_on(call, &mut args);
    let result = loop {
        let result = if scheduler::is_shared() && !call.thread.vfork_child {
            blocking::perform(call, entry, &args, change.is_some())
        } else if output_order::is_shared(call, entry) {
            output_order::write(call, &args)
        } else {
            // SAFETY: the program asked for this call; hidden descriptors were excluded.
            unsafe { interruptible::call(call.number, &args, call.thread.queued.as_ptr()) }
        };
        match disturbance(call, entry, result) {
            Disturbance::None => break result,
            Disturbance::Ours => left.repeat(call, &mut args),
            // SAFETY: the program asked for this call, which does not wait.
            Disturbance::Later => break unsafe { performed(call.number, &args) },
        }
    };
    if handed_over {
        signal::take_back(call.thread);
    }
    // A signal that another thread sends to one it believes to be in `pause` must end the `pause`, also when it
    // comes just before the call begins: natively the two cannot be told apart. Any call that had begun before there was
    // a recorder ends by a signal that has come since then.
    let is_pause = matches!(entry.class, Class::Signal(SignalAction::Pause));
    let is_inside = result == NOT_BEGUN && (is_pause || call.thread.has_begun);
    let result = if is_inside && signal::interrupts(call.thread) {
        left.is_all(call);
        -EINTR
    } else {
        result
    };
    if matches!(result, NOT_BEGUN | EINTERRUPTED) {
        let restart = entry.restart_for(&call.args);
        if call.thread.link != 0 && begins_again(restart) && signal::queued(call.thread) {
            left.keep(call);
            before.outputs(
                entry,
                &call.args,
                result,
                &GuestMemory,
                &mut Outputs(&mut call.event),
            );
            return Outcome::Interrupted;
        }
        let is_restarted =
            restart == Restart::WithFlag && signal::restarts_after_queued(call.thread);
        if result == NOT_BEGUN || is_restarted {
            return Outcome::Interrupted;
        }
    }
    let result = if result >= 0 && entry.facts.opens {
        proc_files::opened(call, entry, result)
    } else {
        result
    };
    let is_listing = matches!(entry.class, Class::Special(SpecialAction::ListDirectory));
    // What is left out of a listing still was in the buffer: log all the kernel wrote.
    let seen = if is_listing && result > 0 {
        let is_old = call.number == GETDENTS;
        virtualize::filter_listing(call.args[0], call.args[1], result, is_old)
    } else {
        result
    };
    before.outputs(
        entry,
        &call.args,
        result,
        &GuestMemory,
        &mut Outputs(&mut call.event),
    );
    if let Some(victim) = victim {
        process::killing::after(call, &victim, result);
    }
    if entry.facts.has_consequences {
        virtualize::after(call, entry, result);
    }
    if let Some(change) = change {
        file_changes::after(call, &change, result);
    }
    Outcome::Done(seen)
}
