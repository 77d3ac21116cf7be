//! Images that traced processes execute. Whichever thread does, the image has the number of the process and the link of that
//! thread; the others end.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_trace::ptrace::{execution, link_state, Link};

use super::stopped::{event, option, Place};
use super::stops;
use super::{links, notice, service};
use crate::signal;
use crate::thread::Thread;

/// How long the new image sleeps before it looks again whether a tracer lives.
const LOOK_NS: u64 = 20_000_000;

/// The links of the calling process.
fn own() -> impl Iterator<Item = (usize, &'static Link)> {
    let process = links::own_process();
    links::all().filter(move |(_, link)| link.tracee_process.load(Ordering::Relaxed) == process)
}

/// A thread is about to execute an image, in which there is no other.
pub fn begins(thread: &Thread) {
    if !links::any() {
        return;
    }
    for (index, link) in own() {
        let is_own = index + 1 == thread.link as usize;
        let who = if is_own {
            execution::ITSELF
        } else {
            execution::ANOTHER
        };
        link.executes.store(who, Ordering::Release);
    }
}

/// It could not.
pub fn failed() {
    if links::any() {
        for (_, link) in own() {
            link.executes.store(0, Ordering::Release);
        }
    }
}

/// A new image is about to run.
pub fn executed(thread: &mut Thread) {
    if !links::any() {
        return;
    }
    for (index, link) in own() {
        if link.executes.load(Ordering::Acquire) == execution::ANOTHER {
            end_of_other(index, link, thread.tid);
        }
    }
    let is_own = |link: &Link| link.executes.load(Ordering::Acquire) == execution::ITSELF;
    let Some((index, link)) = own().find(|(_, link)| is_own(link)) else {
        return;
    };
    let message = u64::from(link.tracee.load(Ordering::Relaxed));
    link.executes.store(0, Ordering::Relaxed);
    link.tracee.store(thread.tid, Ordering::Release);
    thread.link = index as u32 + 1;
    thread.last_call = EXECVE as u32;
    stops::adopt(thread);
    notice::look(thread);
    if !stops::event_stop(thread, event::EXEC, message, Place::AfterEvent)
        && link.is_seized.load(Ordering::Relaxed) == 0
    {
        let mut info = [0; 16];
        info[0] = u64::from(SIGTRAP);
        info[2] = u64::from(thread.tid);
        signal::raise(thread, SIGTRAP, info);
    }
    stops::after_call(thread);
    signal::deliver_queued(thread, signal::Moment::AfterEvent, None);
}

/// Another thread of the process has ended by the execution. Its tracer has to know before that goes on; of the first
/// thread, whose number goes over, it is not told (fs/exec.c: de_thread).
fn end_of_other(index: usize, link: &Link, process: u32) {
    let is_first = link.tracee.load(Ordering::Relaxed) == process;
    if link.options.load(Ordering::Relaxed) & option::of_event(event::EXIT) != 0 {
        link.message.store(0, Ordering::Relaxed);
        link.state.store(link_state::STOPPED, Ordering::Release);
        tell(link, event::EXIT << 16 | SIGTRAP << 8 | 0x7f);
        await_resumption(link);
    }
    link.executes.store(0, Ordering::Relaxed);
    if is_first {
        return links::free(index);
    }
    link.state.store(link_state::ENDED, Ordering::Release);
    tell(link, 0);
    let tid = link.tracee.load(Ordering::Relaxed);
    while link.tracee.load(Ordering::Acquire) == tid && has_tracer(link) {
        links::sleep(&link.tracee, tid, LOOK_NS);
    }
}

fn tell(link: &Link, status: u32) {
    link.status.store(status, Ordering::Release);
    links::tell_news();
    super::news::tell_tracer(link, status);
}

fn has_tracer(link: &Link) -> bool {
    links::is_alive(link.tracer_process.load(Ordering::Relaxed))
}

/// Until the tracer lets the thread, which is gone, end. It has no registers any more.
fn await_resumption(link: &Link) {
    while has_tracer(link) {
        let posted = link.posted.load(Ordering::Acquire);
        if posted == link.answered.load(Ordering::Relaxed) {
            links::sleep(&link.posted, posted, LOOK_NS);
            continue;
        }
        let number = link.request[0].load(Ordering::Relaxed);
        let is_over = number <= 0xff && service::is_resumption(number as u32);
        link.result
            .store(if is_over { 0 } else { -ESRCH }, Ordering::Relaxed);
        if is_over {
            link.status.store(0, Ordering::Relaxed);
            link.state.store(link_state::RUNNING, Ordering::Release);
        }
        link.answered.store(posted, Ordering::Release);
        links::wake(&link.answered);
        if is_over {
            return;
        }
    }
}
