//! A program that steps itself by the trap flag: SIGTRAP behind each instruction of its own, and behind none of ours.

use reenact_interpose::single_step::{self, Stepped};
use reenact_interpose::user_context::{UserContext, FLAGS, RIP};
use reenact_interpose::Origin;
use reenact_trace::registers::TRAP_FLAG;

use super::SIGTRAP;
use crate::message;
use crate::thread::{QueuedSignal, Thread};

/// Number of the exception (Intel SDM volume 3, 6.15: #DB).
const DEBUG_EXCEPTION: u64 = 1;
/// `si_code` of the trap behind an instruction.
const TRAP_TRACE: u64 = 2;

/// Whether the trap flag of the program has raised a signal.
pub fn is_step(number: u32, context: &UserContext) -> bool {
    number == SIGTRAP && context.trap == DEBUG_EXCEPTION && context.general[FLAGS] & TRAP_FLAG != 0
}

/// The program has been trapped in code of ours that stands in the place of its own.
pub fn in_our_code(thread: &mut Thread, context: &mut UserContext, mut signal: QueuedSignal) {
    let ip = context.general[RIP];
    match single_step::translate(context, &mut thread.frame) {
        None => message::fatal_fault(SIGTRAP, ip, 0),
        Some(Stepped::Calls(origin)) => context.redirect(&mut thread.frame, origin),
        Some(Stepped::Trapped) => {
            signal.info[2] = context.general[RIP];
            thread.fault = signal;
            thread.fault_context = [context.error, context.trap, context.cr2];
            context.redirect(&mut thread.frame, Origin::Signal);
        }
    }
}

/// Whether the thread steps itself.
pub fn steps(thread: &Thread) -> bool {
    thread.frame.registers.rflags & TRAP_FLAG != 0
}

/// We have performed an instruction in the place of the processor, which would trap now.
#[cold]
pub fn raise_step(thread: &mut Thread) {
    let mut info = [0; 16];
    info[..3].copy_from_slice(&[u64::from(SIGTRAP), TRAP_TRACE, thread.frame.registers.rip]);
    thread.fault = QueuedSignal {
        number: SIGTRAP,
        reserved: 0,
        info,
    };
    let [_, _, last_address] = thread.fault_context;
    thread.fault_context = [0, DEBUG_EXCEPTION, last_address];
}
