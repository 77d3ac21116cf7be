//! The native engine: between two events the program's own code runs as it is, at full speed. It stops where
//! the translated engine does, in the same state, at every system call. Whatever else stops it, a fault or a
//! breakpoint in the place of an instruction, is left to the translated engine, which goes on from there and says
//! what it is: so the two cannot differ.
//!
//! Design constraints:
//! * Nothing is counted: where an instruction has to be found, the translated engine runs.
//! * Only code of files that the program has never been able to write to is executed as it is: in that the
//!   recorder has found the instructions whose results are not determined. Other pages cannot be
//!   executed, and the fault on them changes the engine until the next event.

mod arming;
pub mod gate;

pub use arming::{arm, is_possible, CALLS_OF_OURS};

use reenact_interpose::frame::RESUME_FLAG;
use reenact_interpose::Origin;
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::EventKind;
use reenact_translator::Stop;

use crate::feed::Group;
use crate::json::Line;
use crate::machine::Machine;
use gate::Trap;

const SIGTRAP: u32 = 5;
const INT3: u8 = 0xcc;
const SYSCALL_LENGTH: u64 = 2;
/// More than any stretch between two events has.
const WHOLE: u64 = 1 << 48;

/// How often which engine ran, and why.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Times that the program's own code came to a system call.
    pub calls: u64,
    /// Instructions that were left to the translated engine: breakpoints and faults.
    pub instructions: u64,
    /// Times that the rest of the way to an event was left to it: code that is not executed as it is.
    pub code: u64,
}

impl Tally {
    /// Whether anything ran that was not counted.
    pub fn has_run(&self) -> bool {
        self.calls + self.instructions + self.code > 0
    }

    /// Say it.
    pub fn report(&self, line: &mut Line) {
        line.number("calls", self.calls)
            .number("instructions", self.instructions)
            .number("code", self.code);
    }
}

/// Run the program to its next stop.
pub fn run(machine: &mut Machine, tally: &mut Tally) -> Stop {
    loop {
        if !machine.can_run_natively() {
            return machine.run(WHOLE);
        }
        cross(machine);
        let (frame, _) = gate::state();
        let (origin, registers) = (frame.origin, machine.registers_mut());
        if origin != Origin::Signal as u64 {
            registers.rip = registers.rip.wrapping_sub(SYSCALL_LENGTH);
            tally.calls += 1;
            let is_int80 = origin == Origin::Int80 as u64;
            return if is_int80 { Stop::Int80 } else { Stop::Syscall };
        }
        let trap = gate::trap();
        let ip = registers.rip;
        if is_step(machine, &trap, ip) {
            return Stop::stepped(ip);
        }
        machine.registers_mut().rip = instruction_of(machine, &trap, ip);
        let limit = if is_fetch(&trap) {
            tally.code += 1;
            WHOLE
        } else {
            tally.instructions += 1;
            1
        };
        match machine.run(limit) {
            Stop::Budget if limit == 1 => {}
            stop => return stop,
        }
    }
}

/// Whether the log has an instruction next that nothing stands in the place of: the recorder found it when it was executed.
pub fn needs_translation(machine: &Machine, group: &Group<'_>) -> bool {
    let mut byte = [0u8];
    group.event.kind == EventKind::Instruction
        && machine
            .memory
            .read(group.event.header.ip, &mut byte)
            .is_ok()
        && byte[0] != INT3
}

/// Whether the way to an event is translated, where the engine is to change at random.
pub fn is_translated_at(seed: u64, event: u64) -> bool {
    let mixed = (event ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 63 != 0
}

/// Let the program's own code run until it comes in.
fn cross(machine: &mut Machine) {
    let (frame, crossing) = gate::state();
    let translator = &mut machine.translator;
    translator.give_up_processor();
    frame.registers = *translator.registers();
    frame.forget_place();
    crossing.gs_base = frame.registers.gs_base;
    let (vectors, mxcsr) = translator.vectors_mut();
    frame.xmm = vectors.map(words);
    crossing.mxcsr = *mxcsr;
    // SAFETY: the program's memory is all outside the region; its calls trap (`arming`), and its faults
    // come to `fault::handler`.
    unsafe { gate::enter() };
    let (vectors, mxcsr) = translator.vectors_mut();
    *vectors = frame.xmm.map(bytes);
    *mxcsr = crossing.mxcsr;
    let registers = translator.registers_mut();
    *registers = frame.registers;
    registers.rflags &= !RESUME_FLAG;
    registers.fs_base = crossing.fs_base;
    registers.gs_base = crossing.gs_base;
}

/// Whether it is the trap behind an instruction that the trap flag was set for.
fn is_step(machine: &Machine, trap: &Trap, ip: u64) -> bool {
    const TRAP_TRACE: i32 = 2;
    let is_step = trap.signal == SIGTRAP && trap.code == TRAP_TRACE;
    is_step && (machine.registers().rflags & TRAP_FLAG != 0 || int1_at(machine, ip).is_none())
}

/// Where the `int1` is that has trapped at `ip`: before it, or there, as some hypervisors have it (and the kernel says then
/// that it was a step).
fn int1_at(machine: &Machine, ip: u64) -> Option<u64> {
    const INT1: u8 = 0xf1;
    [ip.wrapping_sub(1), ip].into_iter().find(|&at| {
        let mut byte = [0u8];
        machine.memory.read(at, &mut byte).is_ok() && byte[0] == INT1
    })
}

/// Whether an instruction could not be fetched: a page fault has that in its error code.
fn is_fetch(trap: &Trap) -> bool {
    const PAGE_FAULT: u64 = 14;
    const FETCH: u64 = 1 << 4;
    trap.number == PAGE_FAULT && trap.error & FETCH != 0
}

/// Address of the instruction that has stopped the program: the traps leave it behind theirs.
fn instruction_of(machine: &Machine, trap: &Trap, ip: u64) -> u64 {
    const BREAKPOINT: u64 = 3;
    const OVERFLOW: u64 = 4;
    let mut byte = [0u8];
    let before = ip.wrapping_sub(1);
    match trap.number {
        BREAKPOINT if machine.memory.read(before, &mut byte).is_ok() && byte[0] == INT3 => before,
        // `int 3` and `int 4` of two bytes.
        BREAKPOINT | OVERFLOW => ip.wrapping_sub(2),
        _ if trap.signal == SIGTRAP => int1_at(machine, ip).unwrap_or(before),
        _ => ip,
    }
}

fn words(register: [u8; 16]) -> [u64; 2] {
    // SAFETY: plain numbers.
    unsafe { core::mem::transmute(register) }
}

fn bytes(register: [u64; 2]) -> [u8; 16] {
    // SAFETY: plain numbers.
    unsafe { core::mem::transmute(register) }
}
