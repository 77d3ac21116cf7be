//! Compares where the replay has come to with the next event of the log.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use reenact_freestanding::numbers::SIGSEGV;
use reenact_syscalls::i386;
use reenact_trace::event::{call_code, call_number, flags, instruction, NO_CALL};
use reenact_trace::{EventHeader, EventKind, Registers};
use reenact_translator::Stop;

use crate::divergence::{Divergence, Failure, Found, What};
use crate::feed::Group;
use crate::machine::Machine;
use crate::vsyscall;

/// Bytes of a `syscall` instruction.
pub const SYSCALL_LENGTH: u64 = 2;

/// The arguments of a system call, in the order of the calling convention.
fn arguments(registers: &Registers) -> [u64; 6] {
    let r = registers;
    [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9]
}

/// The number of the system call that the program is at, as an event has it.
fn called(registers: &Registers) -> u16 {
    call_code(call_number(registers.rax))
}

/// The 64-bit number of a call by `int 0x80`, as an event has it.
fn called_by_int80(registers: &Registers) -> u16 {
    let (number, args) = registers.int80();
    i386::translate(number, args).map_or(NO_CALL, |call| call_code(call.number))
}

/// Describe a stop as an event would.
fn found(stop: &Stop, registers: &Registers) -> Found {
    let (kind, code, ip) = match stop {
        Stop::Syscall => (
            "syscall",
            call_number(registers.rax),
            registers.rip + SYSCALL_LENGTH,
        ),
        Stop::Int80 => (
            "int 0x80",
            u64::from(registers.int80().0),
            registers.rip + SYSCALL_LENGTH,
        ),
        Stop::Instruction(which) => ("instruction", u64::from(which.code), registers.rip),
        Stop::Hook => ("vdso", registers.rax, registers.rip),
        Stop::Fault(fault) => ("fault", fault.signal as u64, registers.rip),
        Stop::Unsupported(_) => ("unsupported", 0, registers.rip),
        Stop::Budget | Stop::Interrupted | Stop::Watch(..) => ("running", 0, registers.rip),
    };
    Found {
        kind,
        code,
        ip,
        args: arguments(registers),
        checksum: registers.checksum(),
    }
}

/// Build the failure for a divergence.
pub fn diverged(
    machine: &Machine,
    group: &Group<'_>,
    stop: &Stop,
    what: What,
    message: String,
) -> Failure {
    let registers = *machine.registers();
    Failure::Divergence(Box::new(Divergence {
        what,
        message,
        expected: *group.event.header,
        expected_index: group.index,
        found: found(stop, &registers),
        registers,
        tid: machine.threads.current.unwrap_or(group.event.header.tid),
        instructions: machine.counted_since_event(),
        range: None,
    }))
}

/// The mnemonic of a non-deterministic instruction.
pub fn instruction_name(code: u16) -> &'static str {
    instruction::name(code).unwrap_or("a non-deterministic instruction")
}

/// Check the stop against the event; `Ok` when it is what the log says.
pub fn check(machine: &Machine, group: &Group<'_>, stop: &Stop) -> Result<(), Failure> {
    let fail = |what, message| Err(diverged(machine, group, stop, what, message));
    let header = &group.event.header;
    let registers = machine.registers();
    match stop {
        Stop::Unsupported(unsupported) => {
            let (name, ip) = (unsupported.name, registers.rip);
            return fail(
                What::Unsupported,
                format!("cannot replay the instruction at {ip:#x}: {name}"),
            );
        }
        Stop::Fault(_)
            if vsyscall::contains(registers.rip) && group.event.kind != EventKind::Fault =>
        {
            return fail(
                What::Unsupported,
                String::from(
                    "the program has read a clock by the kernel's vsyscall page, as old static programs do, \
                     which cannot be recorded",
                ),
            );
        }
        Stop::Instruction(which)
            if !is_instruction_at(header, group.event.kind, registers.rip)
                && !is_refused(group, which.code) =>
        {
            let (name, ip) = (instruction_name(which.code), registers.rip);
            return fail(
                What::Missing,
                format!(
                    "{name} at {ip:#x} was not recorded: the recorder does not know this place; \
                     the log goes on with {}",
                    group.event.kind.name()
                ),
            );
        }
        _ => {}
    }
    let (kind_matches, expected_ip) = expectation(group.event.kind, header, stop);
    if !kind_matches {
        return fail(
            What::Kind,
            format!(
                "the program comes to {} at {:#x}; the log has {}",
                found(stop, registers).kind,
                registers.rip,
                group.event.kind.name()
            ),
        );
    }
    if registers.rip != expected_ip {
        return fail(
            What::InstructionPointer,
            format!(
                "{} {} at {:#x}; the log has it at {expected_ip:#x}",
                group.event.kind.name(),
                { header.code },
                registers.rip
            ),
        );
    }
    check_code(machine, group, stop)?;
    check_registers(machine, group, stop)
}

fn is_instruction_at(header: &EventHeader, kind: EventKind, ip: u64) -> bool {
    kind == EventKind::Instruction && header.ip == ip
}

/// Whether reading the time-stamp counter faulted, as the program wanted (PR_SET_TSC).
fn is_refused(group: &Group<'_>, code: u16) -> bool {
    let is_read = matches!(code, instruction::RDTSC | instruction::RDTSCP);
    is_read && group.event.kind == EventKind::Fault && u32::from(group.event.header.code) == SIGSEGV
}

/// Whether this kind of stop fits the event, and the instruction pointer it should have.
fn expectation(kind: EventKind, header: &EventHeader, stop: &Stop) -> (bool, u64) {
    let behind_syscall = header.ip.wrapping_sub(SYSCALL_LENGTH);
    match (kind, stop) {
        (EventKind::Syscall, Stop::Hook) => (header.flags & flags::VDSO != 0, header.ip),
        (EventKind::Syscall, Stop::Syscall) => (
            header.flags & (flags::VDSO | flags::INT80) == 0,
            behind_syscall,
        ),
        (EventKind::Syscall, Stop::Int80) => (header.flags & flags::INT80 != 0, behind_syscall),
        (
            EventKind::Exit | EventKind::ImageBegin | EventKind::SignalReturn | EventKind::Blocked,
            Stop::Syscall | Stop::Int80,
        ) => (true, behind_syscall),
        (
            EventKind::SignalDelivered | EventKind::Traced,
            Stop::Syscall | Stop::Int80 | Stop::Hook,
        ) => (true, header.ip),
        (EventKind::Fault, Stop::Fault(_)) => (true, header.ip),
        (EventKind::Fault, Stop::Instruction(_)) => (true, header.ip),
        (EventKind::Instruction, Stop::Instruction(_)) => (true, header.ip),
        _ => (false, header.ip),
    }
}

/// The number of the system call, signal or instruction.
fn check_code(machine: &Machine, group: &Group<'_>, stop: &Stop) -> Result<(), Failure> {
    const RT_SIGRETURN: u16 = 15;
    let header = &group.event.header;
    let (found, expected) = match (group.event.kind, stop) {
        (EventKind::SignalReturn, Stop::Syscall) => (called(machine.registers()), RT_SIGRETURN),
        (EventKind::SignalDelivered | EventKind::Traced, _) | (_, Stop::Hook) => return Ok(()),
        (_, Stop::Syscall) => (called(machine.registers()), header.code),
        (_, Stop::Int80) => (called_by_int80(machine.registers()), header.code),
        (_, Stop::Fault(fault)) => (fault.signal as u16, header.code),
        (EventKind::Fault, Stop::Instruction(_)) => return Ok(()),
        (_, Stop::Instruction(which)) => (which.code, header.code),
        _ => return Ok(()),
    };
    if found == expected {
        return Ok(());
    }
    let message = format!(
        "{} {found}; the log has {expected}",
        group.event.kind.name()
    );
    Err(diverged(machine, group, stop, What::Number, message))
}

/// Arguments, then the checksum of all registers.
fn check_registers(machine: &Machine, group: &Group<'_>, stop: &Stop) -> Result<(), Failure> {
    let header = &group.event.header;
    let registers = machine.registers();
    if header.register_checksum == 0 || registers.checksum() == header.register_checksum {
        return Ok(());
    }
    // A vDSO function has no number in rax; the recorder puts it there.
    if matches!(stop, Stop::Hook) {
        let numbered = Registers {
            rax: u64::from(header.code),
            ..*registers
        };
        if numbered.checksum() == header.register_checksum {
            return Ok(());
        }
    }
    let found = arguments(registers);
    if matches!(
        group.event.kind,
        EventKind::Syscall | EventKind::Blocked | EventKind::Exit | EventKind::ImageBegin
    ) {
        for (index, (found, expected)) in found.into_iter().zip(header.args).enumerate() {
            if found != expected {
                let message = format!(
                    "argument {index} of system call {} is {found:#x}; the log has {expected:#x}",
                    { header.code }
                );
                return Err(diverged(machine, group, stop, What::Arguments, message));
            }
        }
    }
    let message = format!(
        "the registers at {} {} are not those of the recording",
        group.event.kind.name(),
        { header.code }
    );
    Err(diverged(machine, group, stop, What::Registers, message))
}

/// Check the state in which a signal is taken without running on.
pub fn check_interrupted(machine: &Machine, group: &Group<'_>) -> Result<(), Failure> {
    let header = &group.event.header;
    let registers = machine.registers();
    let stop = Stop::Interrupted;
    if registers.rip != header.ip {
        let message = format!(
            "signal {} at {:#x}; the log has it at {:#x}",
            { header.code },
            registers.rip,
            { header.ip }
        );
        return Err(diverged(
            machine,
            group,
            &stop,
            What::InstructionPointer,
            message,
        ));
    }
    check_registers(machine, group, &stop)
}
