//! The end of a traced thread, as far as the kernel does not tell its tracer.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall0;
use reenact_trace::ptrace::{link_state, Link};

use super::stopped::{event, Place};
use super::{links, news, stops};
use crate::thread::Thread;

/// The thread is about to end by a signal. Whether a core file will be written is not known: the status says no.
pub fn by_signal(thread: &mut Thread, number: u32, place: &mut Place) {
    if thread.link != 0 {
        stops::event_stop_at(thread, event::EXIT, u64::from(number), place);
    }
}

/// The thread ends, with this status as `wait4` tells it; with `whole_process` all others of its process do, too.
pub fn thread_ends(thread: &Thread, status: u32, whole_process: bool) {
    if !links::any() {
        return;
    }
    let process = links::own_process();
    if whole_process {
        for (_, link) in links::all() {
            if link.tracee_process.load(Ordering::Relaxed) == process {
                tell_end(link, process, status);
            }
        }
    } else if let Some(link) = links::of(thread) {
        tell_end(link, process, status);
    }
}

fn tell_end(link: &Link, process: u32, status: u32) {
    let tracer = link.tracer_process.load(Ordering::Relaxed);
    // SAFETY: no effect.
    let parent = unsafe { syscall0(GETPPID) } as u32;
    let is_first = link.tracee.load(Ordering::Relaxed) == process;
    if tracer == 0 || is_first && parent == tracer {
        return;
    }
    link.status.store(status, Ordering::Relaxed);
    link.state.store(link_state::ENDED, Ordering::Release);
    links::tell_news();
    news::tell_tracer(link, status);
}
