//! The processor's breakpoint registers, as the tracer of a thread sets and reads them (`PTRACE_POKEUSER`). They are
//! watches of the thread's own: what they raise comes to the recorder's handler, the thread stops where it is then,
//! and a replay finds that place as it finds that of any signal in the middle of computation.

use reenact_freestanding::numbers::*;
use reenact_interpose::execution_watch::{
    self, Access, Watch, MOST, PAGES_WITH_HITS, SIGNAL_DATA_AT, TRAP_PERF,
};
use reenact_trace::layout::TRACERS_WATCHES_ADDRESS;

use crate::suspects;
use crate::thread::{DebugRegisters, QueuedSignal, Thread};

/// Registers that say what there was, and what is watched for.
const STATUS: usize = 6;
const CONTROL: usize = 7;
/// Bits of the status that are the other way round (DR6_RESERVED of arch/x86/include/uapi/asm/debugreg.h).
const RESERVED: u64 = 0xffff_0ff0;
/// In the status: the thread was let execute one instruction.
const STEPPED: u64 = 1 << 14;
/// What [`Watch::signal_data`] of these says.
const OF_TRACER: u64 = 1;
/// `si_code` of SIGTRAP by a watch, and by a step.
const TRAP_HWBKPT: u64 = 4;
const TRAP_TRACE: u64 = 2;

/// A register; those that do not exist are 0.
pub fn read(thread: &Thread, number: usize) -> u64 {
    let registers = &thread.debug;
    match number {
        STATUS => registers.status ^ RESERVED,
        CONTROL => registers.control,
        _ => registers.addresses.get(number).copied().unwrap_or(0),
    }
}

/// Set a register of the calling thread: 0 or -errno.
pub fn write(thread: &mut Thread, number: usize, value: u64) -> i64 {
    const MOST_ADDRESS: u64 = 0x7fff_ffff_f000;
    let old = thread.debug;
    match number {
        0..MOST if value >= MOST_ADDRESS => return -EINVAL,
        0..MOST => thread.debug.addresses[number] = value,
        STATUS => {
            thread.debug.status = value ^ RESERVED;
            return 0;
        }
        CONTROL => thread.debug.control = value,
        _ => return -EIO,
    }
    let result = watch(thread);
    if result < 0 {
        thread.debug = old;
        watch(thread);
    }
    result
}

/// What a register watches, if the control register says so (Intel SDM volume 3, 17.2.4).
fn watch_of(registers: &DebugRegisters, index: usize) -> Option<Result<Watch, i64>> {
    let is_enabled = registers.control >> (2 * index) & 3 != 0;
    let kind = registers.control >> (16 + 4 * index) & 0xf;
    let length = match kind >> 2 {
        0 => 1,
        1 => 2,
        2 => 8,
        _ => 4,
    };
    let address = registers.addresses[index];
    let watch = |access, length| {
        Ok(Watch {
            address,
            length,
            access,
            signal_data: OF_TRACER,
        })
    };
    is_enabled.then(|| match kind & 3 {
        0 if length == 1 => watch(Access::Execute, 8),
        1 => watch(Access::Write, length),
        3 => watch(Access::ReadOrWrite, length),
        _ => Err(-EINVAL),
    })
}

/// Where the watch of a register is kept.
fn place(thread: &Thread, index: usize) -> u64 {
    let number = u64::from(thread.index) * MOST as u64 + index as u64;
    TRACERS_WATCHES_ADDRESS + number * PAGES_WITH_HITS * PAGE
}

/// Watch what the registers say: 0 or -errno.
fn watch(thread: &mut Thread) -> i64 {
    for index in 0..MOST {
        end(thread, index);
        let watch = match watch_of(&thread.debug, index) {
            None => continue,
            Some(Err(error)) => return error,
            Some(Ok(watch)) => watch,
        };
        let place = place(thread, index);
        // SAFETY: pages of our region that are kept for this.
        let begin = || unsafe { execution_watch::begin_with_hits(watch, place) };
        let mut result = begin();
        if result == -ENOSPC && suspects::give_way(thread) {
            result = begin();
        }
        if result < 0 {
            return result;
        }
        thread.debug.watched |= 1 << index;
    }
    0
}

fn end(thread: &mut Thread, index: usize) {
    if thread.debug.watched & 1 << index != 0 {
        thread.debug.watched &= !(1 << index);
        // SAFETY: begun at this place.
        unsafe { execution_watch::end_with_hits(place(thread, index)) };
    }
}

/// Nobody traces the thread any more.
pub fn end_all(thread: &mut Thread) {
    for index in 0..MOST {
        end(thread, index);
    }
    thread.debug = DebugRegisters::default();
}

/// Whether a signal comes from a watch of a tracer.
pub fn is_hit(signal: &QueuedSignal) -> bool {
    signal.number == SIGTRAP
        && signal.info[1] as i32 == TRAP_PERF
        && signal.info[SIGNAL_DATA_AT] == OF_TRACER
}

/// The watches that were hit since this was asked last, as bits.
pub fn take_hits(thread: &Thread) -> u64 {
    let is_hit = |index: &usize| {
        // SAFETY: begun at this place.
        thread.debug.watched & 1 << index != 0
            && unsafe { execution_watch::take_hits(place(thread, *index)) }
    };
    (0..MOST).filter(is_hit).fold(0, |hits, at| hits | 1 << at)
}

/// The signal of a watch, as the tracer sees it, of a thread that is at `ip` with the trap flag or without it.
/// Whether the thread goes on by executing the instruction there, which is watched.
pub fn hit(thread: &mut Thread, ip: u64, is_stepped: bool) -> (QueuedSignal, bool) {
    let hits = take_hits(thread);
    thread.debug.status = hits | if is_stepped { STEPPED } else { 0 };
    let executes = (0..MOST).any(|index| {
        let is_execution = thread.debug.control >> (16 + 4 * index) & 3 == 0;
        hits & 1 << index != 0 && is_execution && thread.debug.addresses[index] == ip
    });
    let mut info = [0; 16];
    info[..3].copy_from_slice(&[u64::from(SIGTRAP), TRAP_HWBKPT, ip]);
    let signal = QueuedSignal {
        number: SIGTRAP,
        reserved: 0,
        info,
    };
    (signal, executes)
}

/// The thread has trapped behind an instruction: the signal of a watch is lost beside that of a step.
pub fn note_step(thread: &mut Thread) {
    let [number, code, ..] = thread.fault.info;
    if number as u32 == SIGTRAP && code & 0xffff_ffff == TRAP_TRACE {
        thread.debug.status = STEPPED | take_hits(thread);
    }
}

/// Whether a repeated string instruction, whose operands end at these addresses so far, is what has accessed
/// something that is watched. The processor may tell some iterations later.
pub fn is_within_string(thread: &Thread, operands: [u64; 2]) -> bool {
    const LATE: u64 = 128;
    (0..MOST).any(|index| {
        let address = thread.debug.addresses[index];
        thread.debug.watched & 1 << index != 0
            && operands
                .iter()
                .any(|operand| operand.abs_diff(address) <= LATE)
    })
}
