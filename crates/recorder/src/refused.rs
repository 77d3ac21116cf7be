//! Instructions of the program that the processor refuses at our wish, so that we perform them: CPUID, and reading
//! the time-stamp counter.

use reenact_freestanding::numbers::SIGSEGV;
use reenact_interpose::breakpoints::Breakpoint;
use reenact_trace::event::instruction;

use crate::thread::Thread;
use crate::{cpuid, guest, time_stamps};

/// The instruction whose fault has brought this thread here.
pub fn instruction(thread: &Thread) -> Option<Breakpoint> {
    const GENERAL_PROTECTION: u64 = 13;
    let [_, trap, _] = thread.fault_context;
    let can_be = cpuid::faults() || thread.time_stamps_fault;
    if !can_be || thread.fault.number != SIGSEGV || trap != GENERAL_PROTECTION {
        return None;
    }
    let address = thread.frame.registers.rip;
    let mut code = [0u8; 15];
    // Near the end of a mapping there may be fewer bytes.
    let length = (1..=code.len())
        .rev()
        .find(|&length| guest::read(address, &mut code[..length]))?;
    let code = &code[..length];
    let opcode = code.iter().position(|byte| !is_prefix(*byte))?;
    let kind = match code[opcode..] {
        [0x0f, 0xa2, ..] if cpuid::faults() => instruction::CPUID,
        // Refused by the program itself.
        [0x0f, 0x31, ..] | [0x0f, 0x01, 0xf9, ..] if thread.time_stamps_refused => return None,
        [0x0f, 0x31, ..] if thread.time_stamps_fault => instruction::RDTSC,
        [0x0f, 0x01, 0xf9, ..] if thread.time_stamps_fault => instruction::RDTSCP,
        _ => return None,
    };
    if kind != instruction::CPUID {
        time_stamps::are_used();
    }
    Some(Breakpoint {
        address,
        kind,
        original: code[0],
    })
}

fn is_prefix(byte: u8) -> bool {
    matches!(
        byte,
        0x66 | 0x67 | 0xf2 | 0xf3 | 0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 | 0x40..=0x4f
    )
}
