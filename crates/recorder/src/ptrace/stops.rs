//! The stops of a traced thread.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::syscall0;
use reenact_trace::event::flags;
use reenact_trace::ptrace::{asked, link_state, Link};
use reenact_trace::{EventKind, Registers};

use super::registers::Shown;
use super::service::{self, Resumed};
use super::stopped::{event, in_call, option, resume, Place, Stopped};
use super::{debug_registers, interrupted, links, news};
use crate::log::Builder;
use crate::scheduler;
use crate::segment_bases::whole;
use crate::signal;
use crate::thread::Thread;

/// What a stop is, for the tracer.
pub struct Stop {
    /// As `wait4` tells it.
    pub status: u32,
    pub info: [u64; 16],
    pub message: Option<u64>,
    pub is_group_stop: bool,
}

/// Marks a status as that of a stop.
const STOPPED: u32 = 0x7f;

/// The thread's own id, user and a code as the kernel's `ptrace_notify` fills them in.
fn own_info(thread: &Thread, code: u32) -> [u64; 16] {
    // SAFETY: no effect.
    let user = unsafe { syscall0(numbers::GETUID) } as u64;
    let mut info = [0; 16];
    info[0] = u64::from(SIGTRAP);
    info[1] = u64::from(code);
    info[2] = u64::from(thread.tid) | user << 32;
    info
}

impl Stop {
    /// With SIGTRAP, and an event or the mark of a system call above it.
    pub fn trap(thread: &Thread, code: u32, message: Option<u64>) -> Stop {
        Stop {
            status: code << 8 | STOPPED,
            info: own_info(thread, code),
            message,
            is_group_stop: false,
        }
    }

    /// Before a signal.
    pub fn signal(number: u32, info: [u64; 16]) -> Stop {
        Stop {
            status: number << 8 | STOPPED,
            info,
            message: None,
            is_group_stop: false,
        }
    }
}

/// Stop a traced thread and do what its tracer asks for, until it is let go on. `place` tells afterwards what the
/// log knows then; `shown`, what the tracer has made of a system call.
pub fn stop(thread: &mut Thread, what: &Stop, place: &mut Place, shown: &mut Shown) -> Resumed {
    let Some(link) = links::of(thread) else {
        return Resumed::default();
    };
    adopt(thread);
    if link.asked.load(Ordering::Acquire) & asked::RELEASE != 0 {
        detach(thread);
        return Resumed::default();
    }
    for (to, word) in link.info.iter().zip(what.info) {
        to.store(word, Ordering::Relaxed);
    }
    if let Some(message) = what.message {
        link.message.store(message, Ordering::Relaxed);
    }
    link.is_group_stop
        .store(u32::from(what.is_group_stop), Ordering::Relaxed);
    let others = scheduler::is_shared() && !thread.vfork_child;
    let mut stopped = Stopped {
        thread,
        link,
        place: *place,
        shown: *shown,
        others,
    };
    stopped.release();
    link.state.store(link_state::STOPPED, Ordering::Release);
    link.status.store(what.status, Ordering::Release);
    links::tell_news();
    news::tell_tracer(link, what.status);
    let resumed = service::serve(&mut stopped);
    stopped.take();
    (*place, *shown) = (stopped.place, stopped.shown);
    if resumed.is_detached {
        detach(stopped.thread);
    }
    resumed
}

/// The signals of a traced process come to the recorder, whatever the program does with them.
pub fn adopt(thread: &mut Thread) {
    if !thread.is_adopted {
        thread.is_adopted = true;
        signal::take_all();
    }
}

/// The thread goes on untraced.
pub fn detach(thread: &mut Thread) {
    if thread.link != 0 {
        links::free(thread.link as usize - 1);
    }
    forget(thread);
}

/// As [`detach`], where the link is not this thread's (any more).
pub fn forget(thread: &mut Thread) {
    thread.link = 0;
    thread.is_stepped = false;
    debug_registers::end_all(thread);
    if thread.is_adopted {
        thread.is_adopted = false;
        signal::give_back_all();
    }
}

/// A system call begins. False: the tracer does not want it performed, and the registers are those to go on with.
#[inline(never)]
pub fn before_call(thread: &mut Thread) -> bool {
    let Some(link) = links::of(thread) else {
        return true;
    };
    let mode = link.resumed_by.load(Ordering::Relaxed);
    if !matches!(
        mode,
        resume::SYSCALL | resume::SYSEMU | resume::SYSEMU_SINGLESTEP
    ) {
        return true;
    }
    link.in_call.store(in_call::BEGINS, Ordering::Relaxed);
    let own = u64::from(thread.frame.registers.rax as u32);
    let number = if thread.unfinished.is_call(own, &thread.frame.registers) {
        interrupted::RESTART_CALL as i32
    } else {
        own as i32
    };
    let mut shown = Shown {
        number: i64::from(number),
        result: Some(-ENOSYS as u64),
    };
    let before = thread.frame.registers;
    thread.frame.registers.rcx = before.rip;
    thread.frame.registers.r11 = before.rflags;
    let what = Stop::trap(thread, call_code_of(link), Some(0));
    let mut place = Place::InCall;
    let resumed = stop(thread, &what, &mut place, &mut shown);
    link.in_call.store(0, Ordering::Relaxed);
    raise(thread, resumed.signal);
    let is_emulated = mode != resume::SYSCALL;
    let goes_on = settle(thread, number, &shown, is_emulated);
    if !goes_on && !is_emulated {
        after_call(thread);
    }
    goes_on
}

/// A filter leaves it to the tracer whether the system call that begins is performed. False: it is not, and the registers
/// are those to go on with.
#[inline(never)]
pub fn filtered_call(thread: &mut Thread, data: u16) -> bool {
    let Some(link) = links::of(thread) else {
        return true;
    };
    link.in_call.store(in_call::IN_FILTER, Ordering::Relaxed);
    let number = thread.frame.registers.rax as i32;
    let mut shown = Shown {
        number: i64::from(number),
        result: Some(-ENOSYS as u64),
    };
    thread.frame.registers.rcx = thread.frame.registers.rip;
    thread.frame.registers.r11 = thread.frame.registers.rflags;
    let what = Stop::trap(thread, event::SECCOMP << 8 | SIGTRAP, Some(u64::from(data)));
    let resumed = stop(thread, &what, &mut Place::InCall, &mut shown);
    link.in_call.store(0, Ordering::Relaxed);
    raise(thread, resumed.signal);
    let goes_on = settle(thread, number, &shown, false);
    if !goes_on {
        after_call(thread);
    }
    goes_on
}

/// Whether the tracer of a thread wants to know of an event.
pub fn is_wanted(thread: &Thread, event: u32) -> bool {
    links::of(thread)
        .is_some_and(|link| link.options.load(Ordering::Relaxed) & option::of_event(event) != 0)
}

/// What becomes of a call that its tracer has seen before it is performed. False: it is not performed.
fn settle(thread: &mut Thread, number: i32, shown: &Shown, is_emulated: bool) -> bool {
    if shown.number == i64::from(number) && !is_emulated {
        return true;
    }
    let result = shown.result.unwrap_or(0);
    if shown.number >= 0 && !is_emulated {
        // Another call in its place.
        let old = thread.frame.registers;
        thread.frame.registers.rax = shown.number as u64;
        log_registers(thread, &old, Place::InCall);
        return true;
    }
    let old = thread.frame.registers;
    thread.frame.registers.rax = result;
    thread.last_call = shown.number as u32;
    log_skipped(thread, &old);
    false
}

fn call_code_of(link: &Link) -> u32 {
    let is_marked = link.options.load(Ordering::Relaxed) & option::TRACESYSGOOD != 0;
    SIGTRAP | if is_marked { 0x80 } else { 0 }
}

fn log_registers(thread: &mut Thread, before: &Registers, place: Place) {
    let Some(link) = links::of(thread) else {
        return;
    };
    let mut stopped = Stopped {
        thread,
        link,
        place,
        shown: Shown::no_call(),
        others: false,
    };
    let mut event = stopped.begin_change(before);
    stopped.attach_registers(&mut event);
    event.commit();
}

/// The call is not performed: the program is behind it.
fn log_skipped(thread: &Thread, before: &Registers) {
    let mut event = Builder::new(EventKind::Traced, 0);
    event.header.ip = before.rip.wrapping_sub(2);
    event.header.register_checksum = before.checksum();
    event.header.flags = flags::AT_SYSCALL_ENTRY;
    event.registers(&whole(thread));
    event.commit();
}

/// A system call has been performed, and its event is in the log.
#[inline(never)]
pub fn after_call(thread: &mut Thread) {
    let due = core::mem::take(&mut thread.event_due);
    if due.event != 0 {
        event_stop(thread, due.event, due.message, Place::AfterEvent);
    }
    if thread.awaited_child != 0 && thread.link != 0 {
        scheduler::await_child(thread);
        let child = thread.frame.registers.rax;
        event_stop(thread, event::VFORK_DONE, child, Place::AfterEvent);
    }
    let Some(link) = links::of(thread) else {
        return;
    };
    if thread.is_stepped {
        return step_stop(thread);
    }
    if link.resumed_by.load(Ordering::Relaxed) != resume::SYSCALL {
        return;
    }
    link.in_call.store(in_call::ENDS, Ordering::Relaxed);
    let what = Stop::trap(thread, call_code_of(link), Some(0));
    let number = i64::from(thread.last_call as i32);
    let mut shown = Shown {
        number,
        result: None,
    };
    let resumed = stop(thread, &what, &mut Place::AfterEvent, &mut shown);
    link.in_call.store(0, Ordering::Relaxed);
    raise(thread, resumed.signal);
}

/// The instruction that the tracer let the thread execute has been performed here.
#[cold]
pub fn step_stop(thread: &mut Thread) {
    const TRAP_BRKPT: u64 = 1;
    let mut info = [0; 16];
    info[0] = u64::from(SIGTRAP);
    info[1] = TRAP_BRKPT;
    info[2] = thread.frame.registers.rip;
    let number = i64::from(thread.last_call as i32);
    let mut shown = Shown {
        number,
        result: None,
    };
    let what = Stop::signal(SIGTRAP, info);
    let resumed = stop(thread, &what, &mut Place::AfterEvent, &mut shown);
    raise(thread, resumed.signal);
}

/// A call, whose event is in the log, has been interrupted. What becomes of it is decided when the signals are dealt with.
pub fn interrupted_call(thread: &mut Thread, number: i64, result: i64) {
    let Some(link) = links::of(thread) else {
        return;
    };
    interrupted::begin(thread, number, result);
    if link.resumed_by.load(Ordering::Relaxed) != resume::SYSCALL {
        return;
    }
    link.in_call.store(in_call::ENDS, Ordering::Relaxed);
    let what = Stop::trap(thread, call_code_of(link), Some(0));
    let mut shown = Shown {
        number,
        result: Some(result as u64),
    };
    let resumed = stop(thread, &what, &mut Place::AfterEvent, &mut shown);
    interrupted::take_over(thread, &shown);
    link.in_call.store(0, Ordering::Relaxed);
    raise(thread, resumed.signal);
}

/// An event, if the tracer wants to know of it. Whether it did.
pub fn event_stop(thread: &mut Thread, event: u32, message: u64, mut place: Place) -> bool {
    event_stop_at(thread, event, message, &mut place)
}

/// The same; `place` tells afterwards what the log knows then.
pub fn event_stop_at(thread: &mut Thread, event: u32, message: u64, place: &mut Place) -> bool {
    let is_wanted = is_wanted(thread, event);
    if is_wanted {
        let what = Stop::trap(thread, event << 8 | SIGTRAP, Some(message));
        let number = i64::from(thread.last_call as i32);
        let mut shown = Shown {
            number,
            result: None,
        };
        let resumed = stop(thread, &what, place, &mut shown);
        raise(thread, resumed.signal);
    }
    is_wanted
}

/// A signal that the tracer gives with a stop that is none of a signal.
fn raise(thread: &mut Thread, number: u32) {
    const SI_KERNEL: u64 = 0x80;
    if (1..=64).contains(&number) {
        let mut info = [0; 16];
        (info[0], info[1]) = (u64::from(number), SI_KERNEL);
        signal::raise(thread, number, info);
    }
}
