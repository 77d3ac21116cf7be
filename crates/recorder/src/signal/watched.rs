//! What a tracer watches by the processor's breakpoint registers has been executed, read or written.

use reenact_interpose::call_sites;
use reenact_interpose::frame::RESUME_FLAG;
use reenact_interpose::user_context::{UserContext, FLAGS, RDI, RIP, RSI};
use reenact_interpose::Origin;
use reenact_trace::layout;
use reenact_trace::registers::TRAP_FLAG;

use super::handler::{is_at_call, is_repeating};
use super::{bit, queue, stepping, SIGTRAP};
use crate::ptrace::debug_registers;
use crate::thread::{QueuedSignal, Thread};

/// In the handler of the watch's signal: the thread stops for its tracer where it is.
pub fn hit(thread: &mut Thread, context: &mut UserContext) {
    let ip = context.general[RIP];
    let is_ours = layout::is_reserved(ip) || call_sites::is_trampoline(ip);
    if is_ours || thread.link == 0 {
        // An access of ours.
        debug_registers::take_hits(thread);
        return;
    }
    let is_stepped = context.general[FLAGS] & TRAP_FLAG != 0;
    let operands = [context.general[RSI], context.general[RDI]];
    if !is_stepped && is_repeating(ip) && debug_registers::is_within_string(thread, operands) {
        // The state within it is no place that a replay passes.
        thread.debug.string = ip;
        context.general[FLAGS] |= TRAP_FLAG;
        return;
    }
    stop(thread, context, is_stepped);
}

/// Whether the signal is the trap behind an iteration of a string instruction which is to be done before its hit is told.
/// Behind the last one, that is told.
pub fn is_within_string(
    thread: &mut Thread,
    context: &mut UserContext,
    signal: &QueuedSignal,
) -> bool {
    if thread.debug.string == 0 || !stepping::is_step(signal.number, context) {
        return false;
    }
    if context.general[RIP] != thread.debug.string {
        thread.debug.string = 0;
        context.general[FLAGS] &= !TRAP_FLAG;
        stop(thread, context, false);
    }
    true
}

fn stop(thread: &mut Thread, context: &mut UserContext, is_stepped: bool) {
    let ip = context.general[RIP];
    let (signal, executes) = debug_registers::hit(thread, ip, is_stepped);
    // Such a signal is not blocked (kernel/signal.c: force_sig_info_to_task).
    thread.mask &= !bit(SIGTRAP);
    queue::enqueue(thread, signal);
    context.general[FLAGS] &= !RESUME_FLAG;
    if is_at_call(ip) {
        // It comes in by itself, at a place that the log knows.
        return;
    }
    thread.fault.number = 0;
    context.redirect(&mut thread.frame, Origin::Signal);
    if executes {
        thread.frame.skip_watch();
    }
}
