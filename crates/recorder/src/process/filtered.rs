//! A call that meets the program's seccomp filters, and what becomes of it (`__seccomp_filter` of
//! kernel/seccomp.c). Calls of our own never come here.

use core::sync::atomic::Ordering;

use reenact_filters::{code, Action, CallData, Instruction};
use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall0, syscall2, syscall5};
use reenact_interpose::{Frame, Origin};
use reenact_trace::arena::slot_state;
use reenact_trace::event::{flags, KILLED_THREAD};
use reenact_trace::EventKind;

use crate::call::{Call, Outcome};
use crate::confinement::STRICT;
use crate::filters::{judge, I386, NATIVE};
use crate::log::Builder;
use crate::thread::{self, QueuedSignal, Thread};
use crate::{arena, message, signal};

const SECCOMP_MODE_FILTER: u64 = 2;

const LOAD_NUMBER: Instruction = instruction(code::LOAD_WORD, CallData::NUMBER_AT);
const KILL_THREAD: Instruction = instruction(code::RETURN, Action::KILL_THREAD);
const KILL_PROCESS: Instruction = instruction(code::RETURN, Action::KILL_PROCESS);
const ALLOW: Instruction = instruction(code::RETURN, Action::ALLOW);

const fn instruction(code: u16, value: u32) -> Instruction {
    Instruction {
        code,
        jump_true: 0,
        jump_false: 0,
        value,
    }
}

/// Pass over so many instructions unless the word loaded is this one.
const fn unless_equal(value: u32, jump_false: u8) -> Instruction {
    Instruction {
        jump_false,
        ..instruction(code::CONDITION | code::EQUAL, value)
    }
}

/// Ask the filters of the calling thread, which has some; `None`: the call is performed.
#[inline(never)]
pub fn answer(call: &mut Call<'_>) -> Option<Outcome> {
    if call.thread.confinement.filters == STRICT {
        let is_allowed = matches!(call.number, READ | WRITE | EXIT | RT_SIGRETURN);
        return (!is_allowed).then(|| kill_thread(call, signal::SIGKILL));
    }
    let data = call_data(call.thread);
    match judge(call.thread.confinement.filters, &data) {
        Action::Allow | Action::Log => None,
        Action::Errno(errno) => Some(answered(call, -i64::from(errno))),
        Action::Trace(_) if core::mem::take(&mut call.thread.is_call_traced) => None,
        // There is no tracer, and nobody who listens.
        Action::Trace(_) | Action::Notify => Some(answered(call, -ENOSYS)),
        Action::Trap(reason) => Some(trap(call, &data, reason)),
        Action::KillThread => {
            call.thread.fault = information(&data, 0);
            Some(kill_thread(call, signal::SIGSYS))
        }
        Action::KillProcess => {
            call.thread.fault = information(&data, 0);
            Some(kill_process(call, signal::SIGSYS))
        }
    }
}

/// The call that a thread is at, as filters see it.
fn call_data(thread: &Thread) -> CallData {
    let Frame {
        registers: r,
        origin,
        ..
    } = &thread.frame;
    let is_int80 = *origin == Origin::Int80 as u64;
    let (number, args) = r.int80();
    CallData {
        number: if is_int80 { number } else { r.rax as u32 } as i32,
        architecture: if is_int80 { I386 } else { NATIVE },
        instruction_pointer: r.rip,
        args: if is_int80 {
            args.map(u64::from)
        } else {
            [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9]
        },
    }
}

/// What a filter tells the tracer of the call that a thread is about to make, if it leaves it to the tracer.
pub fn asks_tracer(thread: &Thread) -> Option<u16> {
    let filters = thread.confinement.filters;
    if matches!(filters, 0 | STRICT) {
        return None;
    }
    match judge(filters, &call_data(thread)) {
        Action::Trace(told) => Some(told),
        _ => None,
    }
}

fn answered(call: &mut Call<'_>, result: i64) -> Outcome {
    call.event.header.flags |= flags::FILTERED;
    Outcome::Done(result)
}

/// SIGSYS, with the registers as they were at the call (`force_sig_seccomp`).
fn trap(call: &mut Call<'_>, data: &CallData, reason: u16) -> Outcome {
    call.thread.fault = information(data, reason);
    if !signal::is_taken(call.thread, signal::SIGSYS) {
        return kill_process(call, signal::SIGSYS);
    }
    call.event.header.flags |= flags::FILTERED;
    Outcome::Raised(call.thread.frame.registers.rax as i64)
}

/// SIGSYS as the kernel tells it.
fn information(data: &CallData, reason: u16) -> QueuedSignal {
    const SYS_SECCOMP: u64 = 1;
    let mut info = [0u64; 16];
    // Number and errno; code; address; call and architecture.
    info[0] = u64::from(signal::SIGSYS) | u64::from(reason) << 32;
    info[1] = SYS_SECCOMP;
    info[2] = data.instruction_pointer;
    info[3] = u64::from(data.number as u32) | u64::from(data.architecture) << 32;
    QueuedSignal {
        number: signal::SIGSYS,
        reserved: 0,
        info,
    }
}

/// An `Exit` event in place of the call's own.
fn ending(call: &mut Call<'_>, result: i64) -> Builder {
    let begun = call.event.set_aside();
    let mut event = Builder::new(EventKind::Exit, begun.code);
    event.header.ip = begun.ip;
    event.header.register_checksum = begun.register_checksum;
    event.header.args = call.args;
    event.header.result = result;
    event.header.flags = flags::FILTERED;
    event
}

/// The thread ends; the last one takes the process with it, which leaves a core dump.
fn kill_thread(call: &mut Call<'_>, number: u32) -> Outcome {
    if call.thread.vfork_child || !thread::are_several() {
        return kill_process(call, number);
    }
    let event = ending(call, i64::from(number) | KILLED_THREAD);
    if number == signal::SIGSYS {
        // Its `exit`, which is its last call: what is waited for may be the first thread's status.
        install(&[
            LOAD_NUMBER,
            unless_equal(EXIT as u32, 1),
            KILL_THREAD,
            ALLOW,
        ]);
    }
    super::threads::end(call.thread, event, u64::from(number))
}

fn kill_process(call: &mut Call<'_>, number: u32) -> Outcome {
    let mut event = ending(call, i64::from(number));
    if number == signal::SIGSYS {
        event.signal_information(&call.thread.fault.info);
    }
    let is_member = crate::sharing_group::is_member() && !call.thread.vfork_child;
    if is_member {
        super::robust::release(call.thread, &mut event);
    }
    event.commit();
    if is_member {
        crate::sharing_group::leave();
    }
    if !call.thread.vfork_child {
        // The last word of this log.
        arena::slot()
            .state
            .store(slot_state::ENDED, Ordering::Release);
    }
    arena::ring_doorbell();
    if number == signal::SIGSYS {
        end_by_filter();
    }
    end_by_signal(number)
}

/// Let the kernel kill us as it would have killed the program: its parent sees the same end.
fn end_by_filter() {
    install(&[KILL_PROCESS]);
    // SAFETY: the last call.
    unsafe { syscall0(GETPID) };
}

fn install(program: &[Instruction]) {
    let program = [program.len() as u64, program.as_ptr() as u64];
    // SAFETY: the kernel copies the program, two words and what they name.
    unsafe {
        syscall5(PRCTL, numbers::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        let how = SECCOMP_MODE_FILTER;
        syscall5(
            PRCTL,
            numbers::PR_SET_SECCOMP,
            how,
            program.as_ptr() as u64,
            0,
            0,
        );
    }
}

/// The same by a signal, where the kernel takes no filter of ours.
fn end_by_signal(number: u32) -> ! {
    if number != signal::SIGKILL {
        signal::reset_kernel_action(number);
        signal::let_in(thread::current(), number);
    }
    // SAFETY: sends signals to ourselves.
    unsafe {
        syscall2(KILL, syscall0(GETPID) as u64, u64::from(number));
        syscall2(KILL, syscall0(GETPID) as u64, u64::from(signal::SIGKILL));
    }
    message::fail("the process could not be ended as its seccomp filter demands")
}
