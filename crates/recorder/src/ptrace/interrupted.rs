//! Calls of traced threads that signals interrupt. The kernel decides whether such a call fails or begins again when its
//! tracer has seen the signals, and shows it the call with a result that says how (arch/x86/kernel/signal.c:
//! handle_signal, arch_do_signal_or_restart). The log has it as a call that failed, and what comes of it as a change.

use reenact_freestanding::numbers::*;
use reenact_trace::event::flags;
use reenact_trace::EventKind;

use super::registers::Shown;
use crate::log::Builder;
use crate::segment_bases::whole;
use crate::thread::{Interrupted, Thread};

/// Results that say how a call begins again (include/linux/errno.h).
pub mod restart {
    /// Unless a handler without SA_RESTART runs.
    pub const SYSTEM: i64 = -512;
    /// Whatever runs.
    pub const NO_INTERRUPTION: i64 = -513;
    /// Unless a handler runs.
    pub const NO_HANDLER: i64 = -514;
    /// The same, for the time that is left.
    pub const BLOCK: i64 = -516;
}

/// Number of the call with which the kernel goes on with a wait.
pub const RESTART_CALL: i64 = 219;

fn is_restart(result: i64) -> bool {
    use restart::*;
    matches!(result, SYSTEM | NO_INTERRUPTION | NO_HANDLER | BLOCK)
}

/// The number of a call that was interrupted, with that result, as its tracer sees it.
pub fn number_of(thread: &Thread, number: u64, result: i64) -> i64 {
    if result == restart::BLOCK && thread.unfinished.is_later {
        RESTART_CALL
    } else {
        i64::from(number as i32)
    }
}

/// The call that the thread is in, and whose event is in the log, was interrupted.
pub fn begin(thread: &mut Thread, number: i64, result: i64) {
    thread.interrupted = Interrupted {
        is_there: true,
        number,
        result,
    };
}

/// What the tracer sees of it; `None`: the thread is in no such call.
pub fn shown(thread: &Thread) -> Option<Shown> {
    let call = thread.interrupted;
    call.is_there.then_some(Shown {
        number: call.number,
        result: Some(call.result as u64),
    })
}

/// What the tracer has made of it, or of a thread that was in none: it may have kept the registers of such a call, and have
/// set them again.
pub fn take_over(thread: &mut Thread, shown: &Shown) {
    if let Some(result) = shown.result {
        if thread.interrupted.is_there {
            begin(thread, shown.number, result as i64);
        }
    } else if shown.number >= 0 && is_restart(thread.frame.registers.rax as i64) {
        begin(thread, shown.number, thread.frame.registers.rax as i64);
    }
}

/// The tracer has seen the signals: the call fails, or begins again. `handler`: the flags of the action whose handler is
/// about to run.
pub fn settle(thread: &mut Thread, handler: Option<u64>) {
    let call = core::mem::take(&mut thread.interrupted);
    if !call.is_there {
        return;
    }
    let before = thread.frame.registers;
    let is_wanted = call.number >= 0 && is_restart(call.result);
    let begins_again = is_wanted
        && match call.result {
            restart::SYSTEM => handler.is_none_or(|flags| flags & SA_RESTART != 0),
            restart::NO_INTERRUPTION => true,
            _ => handler.is_none(),
        };
    let registers = &mut thread.frame.registers;
    if begins_again {
        registers.rax = if call.result == restart::BLOCK {
            // What the kernel goes on with by a call of its own is the same call here, for the time that is left.
            thread.unfinished.number
        } else {
            call.number as u64
        };
        registers.rip = registers.rip.wrapping_sub(2);
    } else {
        registers.rax = if is_wanted { -EINTR } else { call.result } as u64;
    }
    thread.unfinished.is_due = begins_again && call.result == restart::BLOCK;
    if thread.frame.registers == before {
        return;
    }
    let mut event = Builder::new(EventKind::Traced, 0);
    event.header.ip = before.rip;
    event.header.register_checksum = before.checksum();
    event.header.flags = flags::IMMEDIATE;
    event.registers(&whole(thread));
    event.commit();
}
