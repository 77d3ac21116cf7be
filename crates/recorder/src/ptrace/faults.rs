//! Signals that a traced thread's own instructions raise: breakpoints of the tracer among them.

use super::registers::Shown;
use super::stopped::Place;
use super::stops::{self, Stop};
use super::{debug_registers, interrupted};
use crate::signal;
use crate::thread::Thread;

/// Show the fault at hand, whose event is in the log, to the tracer. Whether the program gets it.
#[inline(never)]
pub fn show(thread: &mut Thread) -> bool {
    debug_registers::note_step(thread);
    let fault = thread.fault;
    let before = thread.frame.registers;
    let what = Stop::signal(fault.number, fault.info);
    let mut place = Place::AfterEvent;
    let mut shown = Shown::no_call();
    let resumed = stops::stop(thread, &what, &mut place, &mut shown);
    interrupted::take_over(thread, &shown);
    if resumed.signal == fault.number && thread.frame.registers == before {
        return true;
    }
    if (1..=64).contains(&resumed.signal) {
        let mut info = [0; 16];
        if resumed.signal == fault.number {
            info = fault.info;
        }
        info[0] = info[0] & !0xffff_ffff | u64::from(resumed.signal);
        signal::raise(thread, resumed.signal, info);
    }
    if !signal::queued(thread) {
        interrupted::settle(thread, None);
    }
    false
}
