//! Signals of a traced thread: its tracer sees each before the program does, and decides what becomes of it.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;
use reenact_interpose::Origin;
use reenact_trace::ptrace::{asked, link_state, Link};

use super::registers::Shown;
use super::stopped::{event, Place};
use super::stops::{self, Stop};
use super::{interrupted, links, service};
use crate::signal;
use crate::thread::{QueuedSignal, Thread};

/// What becomes of a signal that the tracer has seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The program gets it.
    Delivered,
    /// The tracer has taken it, or it has been dealt with.
    Gone,
    /// The program blocks it.
    Blocked,
    /// It stops the process, which nobody traces any more.
    StopsUntraced,
}

/// Show a signal to the tracer. In place of a SIGSTOP whatever the link asks for is done. `place` tells what the log
/// knows afterwards.
#[inline(never)]
pub fn show(thread: &mut Thread, signal: &mut QueuedSignal, place: &mut Place) -> Fate {
    let Some(link) = links::of(thread) else {
        // Who asked for the stop is gone.
        return if signal.number == SIGSTOP {
            Fate::Gone
        } else {
            Fate::Delivered
        };
    };
    if signal.number != SIGSTOP {
        return show_signal(thread, link, signal, place);
    }
    stops::adopt(thread);
    let asked = link.asked.load(Ordering::Acquire);
    if asked & asked::RELEASE != 0 {
        stops::detach(thread);
        return Fate::Gone;
    }
    let done = asked::SIGSTOP | asked::TRAP | asked::NOTICE;
    link.asked.fetch_and(!done, Ordering::AcqRel);
    if asked & asked::NOTICE != 0 {
        links::wake(&link.asked);
    }
    if asked & asked::SIGSTOP != 0 {
        signal.info = core::array::from_fn(|at| link.stop_info[at].load(Ordering::Relaxed));
        match show_signal(thread, link, signal, place) {
            Fate::Delivered if is_stopping(signal.number) => {
                group_stop(thread, signal.number, place);
            }
            // In place of it the tracer gives another one.
            Fate::Delivered => signal::raise(thread, signal.number, signal.info),
            Fate::StopsUntraced => return Fate::StopsUntraced,
            Fate::Gone | Fate::Blocked => {}
        }
    }
    if asked & asked::TRAP != 0 {
        trap(thread, place);
    }
    Fate::Gone
}

/// A stop without a signal, of a thread that is seized.
fn trap(thread: &mut Thread, place: &mut Place) {
    let what = Stop::trap(thread, event::STOP << 8 | SIGTRAP, Some(0));
    let mut shown = shown_behind(thread, *place);
    // A signal that it is to go on with is ignored (ptrace(2), PTRACE_EVENT_STOP).
    stops::stop(thread, &what, place, &mut shown);
    interrupted::take_over(thread, &shown);
}

fn show_signal(
    thread: &mut Thread,
    link: &Link,
    signal: &mut QueuedSignal,
    place: &mut Place,
) -> Fate {
    let what = Stop::signal(signal.number, signal.info);
    let mut shown = shown_behind(thread, *place);
    let resumed = stops::stop(thread, &what, place, &mut shown);
    interrupted::take_over(thread, &shown);
    let number = resumed.signal;
    if !(1..=64).contains(&number) {
        return Fate::Gone;
    }
    if number == signal.number {
        signal.info = service::info_of(link);
        signal.info[0] = signal.info[0] & !0xffff_ffff | u64::from(number);
    } else {
        *signal = by_tracer(link, number);
    }
    let is_blocked = thread.mask & signal::bit(number) != 0;
    let is_unblockable = matches!(number, SIGKILL | SIGSTOP);
    if resumed.is_detached && is_stopping(number) && !is_blocked {
        // Nobody traces it any more: it stops as others do.
        return Fate::StopsUntraced;
    }
    if is_blocked && !is_unblockable {
        return Fate::Blocked;
    }
    Fate::Delivered
}

/// A signal that comes as a system call returns finds its number in the registers.
fn shown_behind(thread: &Thread, place: Place) -> Shown {
    if let Some(shown) = interrupted::shown(thread) {
        return shown;
    }
    let is_call = [Origin::Trap, Origin::Patched]
        .iter()
        .any(|&origin| origin as u64 == thread.frame.origin);
    if place != Place::AfterEvent || !is_call {
        return Shown::no_call();
    }
    Shown {
        number: i64::from(thread.last_call as i32),
        result: None,
    }
}

/// The information of a signal that the tracer gives in place of another.
fn by_tracer(link: &Link, number: u32) -> QueuedSignal {
    // SAFETY: no effect.
    let user = unsafe { syscall0(GETUID) } as u64;
    let mut info = [0; 16];
    info[0] = u64::from(number);
    info[2] = u64::from(link.tracer_process.load(Ordering::Relaxed)) | user << 32;
    QueuedSignal {
        number,
        reserved: 0,
        info,
    }
}

/// Whether a signal stops a process that leaves it to its default action.
pub fn is_stopping(number: u32) -> bool {
    // SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU
    matches!(number, 19..=22)
}

/// A signal that stops the thread's group has been delivered: the tracer sees that as another stop.
pub fn group_stop(thread: &mut Thread, number: u32, place: &mut Place) {
    let Some(link) = links::of(thread) else {
        return;
    };
    let is_seized = link.is_seized.load(Ordering::Relaxed) != 0;
    let code = if is_seized {
        event::STOP << 8 | number
    } else {
        number
    };
    let mut what = Stop::trap(thread, code, Some(0));
    what.info[0] = u64::from(number);
    what.is_group_stop = !is_seized;
    let mut shown = shown_behind(thread, *place);
    let resumed = stops::stop(thread, &what, place, &mut shown);
    interrupted::take_over(thread, &shown);
    if resumed.is_continued {
        trap(thread, place);
    }
}

/// A SIGSTOP to a traced thread of this or another process goes by its link: the kernel would stop the recorder.
/// Whether there is such a thread.
pub fn send_stop(tid_or_process: u32, is_thread: bool, info: [u64; 16]) -> bool {
    if !links::any() {
        return false;
    }
    let is_it = |link: &Link| {
        let of = if is_thread {
            &link.tracee
        } else {
            &link.tracee_process
        };
        of.load(Ordering::Acquire) == tid_or_process
            && link.state.load(Ordering::Relaxed) != link_state::ENDED
    };
    let Some((_, link)) = links::all().find(|(_, link)| is_it(link)) else {
        return false;
    };
    for (to, word) in link.stop_info.iter().zip(info) {
        to.store(word, Ordering::Relaxed);
    }
    link.asked.fetch_or(asked::SIGSTOP, Ordering::AcqRel);
    super::notice::send(link);
    true
}
