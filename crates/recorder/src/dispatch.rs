//! Which part of the recorder performs a system call. This module alone knows the handlers of calls,
//! and none of them knows it: a handler that has nothing of its own to do answers `None`, and the
//! call is made as an ordinary one.

use reenact_freestanding::numbers::*;
use reenact_syscalls::{Before, Class, Descriptors, Kind, Restart, Sink, SystemCall};
use reenact_trace::layout;

use crate::call::{Call, Outcome};
use crate::entry::{self, NOT_BEGUN};
use crate::guest::GuestMemory;
use crate::log::Builder;
use crate::nested_pointers::{self, Vectors, Verdict};
use crate::text;
use crate::{blocking, mappings, message, pinning, process, scheduler, signal, virtualize};

/// Perform a call of the program; `entry`: its row of the table.
pub fn perform(call: &mut Call<'_>, entry: Option<&SystemCall>) -> Outcome {
    let Some(entry) = entry else {
        unknown(call.number);
        return Outcome::Done(-ENOSYS);
    };
    by_class(call, entry).unwrap_or_else(|| plain(call, entry))
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
    pinning::at_call(call.thread, call.number, entry.class, &mut call.event);
    if call.number == SET_TID_ADDRESS {
        // Cleared by us when the thread ends: see `process::threads`.
        call.thread.clear_child_tid = call.args[0];
        return Some(Outcome::Done(i64::from(call.thread.tid)));
    }
    const SET_ROBUST_LIST: u64 = 273;
    if call.number == SET_ROBUST_LIST && call.args[1] == 24 {
        call.thread.robust_list = call.args[0];
    }
    match entry.class {
        Class::Memory => mappings::perform(call),
        Class::Process => process::perform(call),
        Class::Signal => perform_signal(call),
        _ => None,
    }
}

#[inline(never)]
fn perform_signal(call: &mut Call<'_>) -> Option<Outcome> {
    use signal::calls;
    let Call {
        thread,
        number,
        args,
        event,
        ..
    } = call;
    Some(Outcome::Done(match *number {
        RT_SIGACTION => calls::sigaction(event, args),
        RT_SIGPROCMASK => calls::sigprocmask(thread, event, args),
        SIGALTSTACK => calls::sigaltstack(thread, event, args),
        RT_SIGPENDING => return signal::pending(thread, event, args).map(Outcome::Done),
        RT_SIGRETURN => {
            if signal::sigreturn(thread) {
                return Some(Outcome::Finished);
            }
            return Some(process::bad_signal_frame(thread));
        }
        _ => return None,
    }))
}

struct Outputs<'a>(&'a mut Builder);

impl Sink for Outputs<'_> {
    fn output(&mut self, address: u64, length: u64) {
        self.0.guest_memory(address, length);
    }
}

/// Whether the program passes an address of ours as a pointer: for it there is no memory. Outputs
/// there the kernel might refuse by itself, inputs it would read.
#[cold]
fn names_our_memory(entry: &SystemCall, args: &[u64; 6]) -> bool {
    let pointer = |kind: &Kind| matches!(kind, Kind::Path | Kind::Pointer);
    let mut arguments = entry.arguments.iter().zip(args);
    entry.class != Class::Memory
        && arguments.any(|((_, kind), &value)| pointer(kind) && layout::is_reserved(value))
}

/// Pass the call to the kernel and log what it wrote.
fn plain(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    // One comparison for each argument here, the table only for one that looks like it.
    let [a, b, c, d, e, f] = call.args.map(layout::is_reserved);
    if (a | b | c | d | e | f) && names_our_memory(entry, &call.args) {
        return Outcome::Done(-EFAULT);
    }
    match nested_pointers::check(call) {
        Verdict::Harmless => {}
        Verdict::HasVectors => return with_vectors(call, entry),
        Verdict::Fewer(argument, count) => call.substitute = Some((argument, count)),
        Verdict::Fault => return Outcome::Done(-EFAULT),
    }
    if entry.is_simple {
        return make(call, entry, call.args, &Before::simple());
    }
    captured(call, entry, call.args)
}

/// A call whose vectors name memory of ours: the kernel is given others.
#[cold]
#[inline(never)]
fn with_vectors(call: &mut Call<'_>, entry: &SystemCall) -> Outcome {
    let mut vectors = Vectors::new();
    let args = vectors.replace(call);
    captured(call, entry, args)
}

/// A call about whose outputs something has to be known from before it. `args`: for the kernel.
fn captured(call: &mut Call<'_>, entry: &SystemCall, args: [u64; 6]) -> Outcome {
    match Before::capture(entry, &call.args, &GuestMemory) {
        Ok(before) => make(call, entry, args, &before),
        Err(refusal) => {
            if !refusal.is_declined() {
                let text = text!("{refusal}");
                message::once(text.as_str());
            }
            Outcome::Done(-i64::from(refusal.errno()))
        }
    }
}

/// Make a call that is neither declined nor refused.
#[inline(always)]
fn make(call: &mut Call<'_>, entry: &SystemCall, mut args: [u64; 6], before: &Before) -> Outcome {
    if let Some(answer) = virtualize::answer(call, entry) {
        return answer;
    }
    if matches!(
        call.number,
        KILL | TKILL | TGKILL | RT_SIGQUEUEINFO | RT_TGSIGQUEUEINFO
    ) {
        process::announce_fatal_signal(call);
    }
    let victim = process::killing::victim(call);
    if let Some((index, value)) = call.substitute {
        args[index] = value;
    }
    let handed_over = signal::hand_over(call.thread, call.number);
    let result = if scheduler::is_shared() && !call.thread.vfork_child {
        blocking::perform(call, entry, &args)
    } else {
        // SAFETY: the program asked for this call; hidden descriptors were excluded.
        unsafe { entry::interruptible(call.number, &args, call.thread.queued.as_ptr()) }
    };
    if handed_over {
        signal::take_back(call.thread);
    }
    // Others may have run since the program came here, and the signal may be the one that they send to it as
    // it waits. It has come before `pause`, or in it: nobody can tell.
    let is_pause = result == NOT_BEGUN && call.number == PAUSE;
    let result = if is_pause && signal::interrupts(call.thread) {
        -EINTR
    } else {
        result
    };
    if result == NOT_BEGUN
        || (result == -EINTR
            && entry.restart_for(&call.args) == Restart::WithFlag
            && signal::restarts_after_queued(call.thread))
    {
        return Outcome::Interrupted;
    }
    // What is left out of a listing still was in the buffer: log all the kernel wrote.
    let seen = if (call.number == GETDENTS64 || call.number == GETDENTS) && result > 0 {
        virtualize::filter_listing(call.args[0], call.args[1], result)
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
    if entry.descriptors != Descriptors::None || entry.class == Class::Descriptor {
        virtualize::track_descriptors(call, entry, result);
    }
    if let Some(victim) = victim {
        process::killing::after(call, &victim, result);
    }
    virtualize::after(call, result);
    Outcome::Done(seen)
}
