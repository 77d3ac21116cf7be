//! The instructions that are looked for.

use iced_x86::{Instruction, Mnemonic};
use reenact_trace::event::instruction;

/// The constant of a non-deterministic instruction.
pub fn of(instruction: &Instruction) -> Option<u16> {
    Some(match instruction.mnemonic() {
        Mnemonic::Int if instruction.immediate8() == 0x80 => instruction::INT80,
        Mnemonic::Cpuid => instruction::CPUID,
        Mnemonic::Rdtsc => instruction::RDTSC,
        Mnemonic::Rdtscp => instruction::RDTSCP,
        Mnemonic::Rdrand => instruction::RDRAND,
        Mnemonic::Rdseed => instruction::RDSEED,
        Mnemonic::Rdpid => instruction::RDPID,
        Mnemonic::Xgetbv => instruction::XGETBV,
        Mnemonic::Xsave | Mnemonic::Xsave64 => instruction::XSAVE,
        Mnemonic::Xsavec | Mnemonic::Xsavec64 => instruction::XSAVEC,
        Mnemonic::Xsaveopt | Mnemonic::Xsaveopt64 => instruction::XSAVEOPT,
        Mnemonic::Xbegin => instruction::XBEGIN,
        _ => return None,
    })
}

/// Whether it is `syscall`, without prefixes.
pub fn is_system_call(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Syscall && instruction.len() == 2
}
