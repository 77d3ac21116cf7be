//! Threads and processes that a traced thread makes: its tracer may want to trace and to know them.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_trace::ptrace::asked;

use super::links;
use super::notice;
use super::stopped::{event, option, Place};
use super::stops;
use crate::signal;
use crate::thread::{DebugRegisters, EventDue, Thread};

/// A child that is traced from its beginning: the index of its link, and the event of its parent.
#[derive(Clone, Copy)]
pub struct Child {
    index: usize,
    event: u32,
}

/// Before a child is made with these flags of `clone`; `None`: nobody is going to trace it.
pub fn expect(parent: &Thread, flags: u64) -> Option<Child> {
    const UNTRACED: u64 = 0x0080_0000;
    const EXIT_SIGNAL: u64 = 0xff;
    let link = links::of(parent)?;
    let event = if flags & CLONE_VFORK != 0 {
        event::VFORK
    } else if flags & EXIT_SIGNAL != u64::from(SIGCHLD) {
        event::CLONE
    } else {
        event::FORK
    };
    let options = link.options.load(Ordering::Relaxed);
    if flags & UNTRACED != 0 || options & option::of_event(event) == 0 {
        return None;
    }
    let tracer = link.tracer_process.load(Ordering::Relaxed);
    let index = links::claim(0, 0, tracer)?;
    let child = links::link(index);
    let is_seized = link.is_seized.load(Ordering::Relaxed);
    child.is_seized.store(is_seized, Ordering::Relaxed);
    child.options.store(options, Ordering::Relaxed);
    for (at, word) in child.stop_info.iter().enumerate() {
        let value = if at == 0 { u64::from(SIGSTOP) } else { 0 };
        word.store(value, Ordering::Relaxed);
    }
    let first = if is_seized != 0 {
        asked::TRAP
    } else {
        asked::SIGSTOP
    };
    child.asked.store(first, Ordering::Relaxed);
    Some(Child { index, event })
}

impl Child {
    /// In the child of a fork: it stops before it does anything.
    pub fn begin(self, thread: &mut Thread) {
        thread.link = self.index as u32 + 1;
        links::name(self.index, thread.tid, links::own_process());
        notice::queue_stop(thread);
    }

    /// The same in the block of a thread to be, which goes on in [`first_stop`].
    pub fn prepare(self, thread: &mut Thread) {
        thread.link = self.index as u32 + 1;
    }

    /// In the parent of a `vfork`, whose child may have gone long ago.
    pub fn told_late(self, parent: &mut Thread, pid: u32) {
        parent.event_due = EventDue {
            event: self.event,
            message: u64::from(pid),
        };
    }

    /// In the parent: it has been made.
    pub fn made(self, parent: &mut Thread, tid: u32, process: u32) {
        if links::link(self.index).tracee.load(Ordering::Acquire) != tid {
            links::name(self.index, tid, process);
        }
        parent.event_due = EventDue {
            event: self.event,
            message: u64::from(tid),
        };
    }

    /// It has not been made.
    pub fn cancel(self) {
        links::free(self.index);
    }
}

/// In a new thread, before it does anything.
pub fn first_stop(thread: &mut Thread) {
    let Some(index) = thread.link.checked_sub(1) else {
        return;
    };
    links::name(index as usize, thread.tid, links::own_process());
    notice::queue_stop(thread);
    signal::deliver_queued(thread, signal::Moment::AfterEvent, None);
}

/// In a forked child: what its parent's memory says of tracers is not about it.
pub fn after_fork(thread: &mut Thread) {
    thread.link = 0;
    thread.is_stepped = false;
    thread.debug = DebugRegisters::default();
    thread.is_adopted = false;
    thread.event_due = EventDue::default();
    signal::restore_after_fork();
    // Whoever has begun to trace it already has found it under its parent's number.
    notice::look(thread);
}

/// The thread is about to end; `status` as `wait4` would tell it.
pub fn ends(thread: &mut Thread, status: u32) {
    if thread.link != 0 {
        stops::event_stop(thread, event::EXIT, u64::from(status), Place::InCall);
    }
}
