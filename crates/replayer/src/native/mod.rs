//! The native engine: between two events the program's own code runs as it is, at full speed. It stops where
//! the translated engine does, in the same state, at every system call. Whatever else stops it, a fault or a
//! breakpoint in the place of an instruction, is left to the translated engine, which goes on from there and says
//! what it is: so the two cannot differ.
//!
//! Design constraints:
//! * Nothing is counted: where an instruction has to be found, the translated engine runs.
//! * Code of files that the program has never been able to write to is executed as it is: in that the
//!   recorder has found the instructions whose results are not determined.
//! * Other code is, a page at a time, where nothing in it looks like one, from its first execution until it is written to: no
//!   page is writable and executable at once. What is neither cannot be executed, and the fault
//!   on it changes the engine until the page is left, or, where that happens too often, until the next event.

mod arming;
pub mod gate;
mod refused_pages;

pub use arming::{arm, is_possible, CALLS_OF_OURS};

use reenact_interpose::execution_watch::TRAP_PERF;
use reenact_interpose::frame::{is_canonical, RESUME_FLAG};
use reenact_interpose::trampoline::{self, Stand};
use reenact_interpose::{guarded_copy, Origin};
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::EventKind;
use reenact_translator::Stop;

use crate::feed::Group;
use crate::json::Line;
use crate::machine::Machine;
use crate::mappings::PAGE;
use crate::memory::page_down;
use crate::system;
use crate::ticks;
use crate::vsyscall;
use gate::Trap;
use refused_pages::{RefusedPages, MOST_ENTRIES};

const SIGTRAP: u32 = 5;
const INT3: u8 = 0xcc;
const SYSCALL_LENGTH: u64 = 2;
const LONGEST_INSTRUCTION: u64 = 15;
/// So often is an instruction that writes to its own page performed alone on the way to an event; each time costs some 20 µs.
const MOST_OWN_STORES: u32 = 64;

/// So many instructions at a time of what lies on a page that is closed for breakpoints, or that cannot be executed as it is, are
/// translated by themselves on the way to an event. Where that, [`MOST_ENTRIES`] times, is not enough, so many are, wherever they lie.
const MOST_ON_PAGE: u64 = 256;
const BEHIND_ENTRIES: u64 = 1 << 23;

/// How often which engine ran, and why.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Times that the program's own code came to a system call.
    pub calls: u64,
    /// Instructions that were left to the translated engine: breakpoints and faults.
    pub instructions: u64,
    /// Ways to an event, or what was left of them, that it went ...
    pub ways: Ways,
    /// Nanoseconds that these took.
    pub translated: u64,
    refused_pages: RefusedPages,
    /// The program has come in by something else than a system call, and [`run`] has not dealt with it yet.
    has_come_in: bool,
}

/// Ways that were translated, in whole or in part, by the reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ways {
    /// Bytes on a page look like an instruction whose result is not determined, or something is not executed as it is.
    pub code: u64,
    /// Code writes to its own page again and again.
    pub own_stores: u64,
    /// They lead to a place in the middle of computation: instructions are counted.
    pub landings: u64,
    /// The event is an instruction in whose place nothing stands.
    pub unmarked: u64,
    /// The event is an instruction that comes again and again.
    pub frequent: u64,
    /// The program steps itself, or its image is not as it was while recording.
    pub others: u64,
}

impl Tally {
    /// Say it.
    pub fn report(&self, line: &mut Line) {
        line.number("calls", self.calls)
            .number("instructions", self.instructions)
            .number("code", self.ways.code)
            .number("own_stores", self.ways.own_stores)
            .number("landings", self.ways.landings)
            .number("unmarked", self.ways.unmarked)
            .number("frequent", self.ways.frequent)
            .number("others", self.ways.others)
            .number("translated", self.translated);
    }

    /// Let the translated engine run on, and take the time.
    pub fn translate(&mut self, machine: &mut Machine, limit: u64) -> Stop {
        let begin = system::monotonic_ns();
        let stop = machine.run(limit);
        self.translated += system::monotonic_ns().saturating_sub(begin);
        stop
    }
}

/// Run the program to a system call, if that is what stops it: most ways end so, millions in some programs. A [`Stop`] that is
/// handed on by memory costs each of them some 30 ns, in which the processor waits for what has just been written in other pieces.
/// False: [`run`] goes on from what has stopped the program, or stops it.
pub fn comes_to_call(machine: &mut Machine, tally: &mut Tally) -> bool {
    let is_plain = !machine.has_points() && machine.can_run_natively();
    if !is_plain || !is_canonical(machine.registers().rip) {
        return false;
    }
    machine.lose_count();
    cross(machine);
    let (frame, _) = gate::state();
    let is_call = frame.origin == Origin::Patched as u64 || frame.origin == Origin::Trap as u64;
    if is_call {
        let registers = machine.registers_mut();
        registers.rip = registers.rip.wrapping_sub(SYSCALL_LENGTH);
        tally.calls += 1;
    }
    tally.has_come_in = !is_call;
    is_call
}

/// Run the program to its next stop; [`Stop::Budget`] where a client asks for something meanwhile ([`ticks`]).
///
/// # Arguments
/// * `most` - how many instructions may be translated at once.
pub fn run(machine: &mut Machine, tally: &mut Tally, most: u64) -> Stop {
    let mut own_stores = 0;
    let mut opened = None;
    let mut entries = 0;
    let mut is_refused = false;
    machine.begin_points();
    loop {
        if !core::mem::take(&mut tally.has_come_in) {
            if !machine.can_run_natively() || !is_canonical(machine.registers().rip) {
                tally.ways.others += 1;
                return tally.translate(machine, most);
            }
            machine.lose_count();
            cross(machine);
        }
        let (frame, _) = gate::state();
        let origin = frame.origin;
        if origin == Origin::Vdso as u64 {
            tally.calls += 1;
            machine.registers_mut().rip = machine.detour(frame.vdso).unwrap_or_default();
            return Stop::Hook;
        }
        if origin == Origin::Vsyscall as u64 {
            tally.calls += 1;
            return Stop::Hook;
        }
        let registers = machine.registers_mut();
        if origin != Origin::Signal as u64 {
            registers.rip = registers.rip.wrapping_sub(SYSCALL_LENGTH);
            tally.calls += 1;
            let is_int80 = origin == Origin::Int80 as u64;
            return if is_int80 { Stop::Int80 } else { Stop::Syscall };
        }
        let trap = gate::trap();
        let ip = registers.rip;
        if trap.signal == ticks::SIGNAL {
            return Stop::Budget;
        }
        if trap.signal == SIGTRAP && trap.code == TRAP_PERF {
            return told(machine, &trap);
        }
        if is_step(machine, &trap, ip) {
            return stepped(machine, tally, ip);
        }
        if vsyscall::contains(ip) {
            // The kernel has refused it, and says nothing of an exception.
            return tally.translate(machine, 1);
        }
        match what_stopped(machine, &trap) {
            // An instruction may lie in two pages. Opened twice in a row, it would not help a third time.
            Trapped::Page
                if opened != Some((ip, trap.address))
                    && machine.memory.execute_page(trap.address) =>
            {
                opened = Some((ip, trap.address));
                continue;
            }
            Trapped::Page => {
                let page = page_down(trap.address);
                let is_closed = machine.memory.is_code_closed(page);
                opened = None;
                entries += 1;
                let is_worth_it = if is_closed {
                    entries <= MOST_ENTRIES
                } else {
                    tally.ways.code += u64::from(!is_refused);
                    tally
                        .refused_pages
                        .is_worth_entering(&mut is_refused, entries)
                };
                if is_worth_it {
                    match run_on_page(machine, tally, ip, page, most) {
                        OnPage::Left => continue,
                        OnPage::Stopped(stop) => return stop,
                        OnPage::Stays => {}
                    }
                }
                if is_closed {
                    machine.note_heat(page);
                }
                let most = most.saturating_sub(MOST_ON_PAGE).clamp(1, BEHIND_ENTRIES);
                return tally.translate(machine, most);
            }
            Trapped::Store => {
                opened = None;
                continue;
            }
            Trapped::OwnStore if own_stores < MOST_OWN_STORES => {
                opened = None;
                own_stores += 1;
            }
            Trapped::OwnStore => {
                tally.ways.own_stores += 1;
                return tally.translate(machine, most);
            }
            Trapped::Instruction => {
                machine.registers_mut().rip = instruction_of(machine, &trap, ip);
                tally.instructions += 1;
            }
        }
        match machine.run(1) {
            Stop::Budget => {}
            stop => return stop,
        }
    }
}

/// What has become of code on a page that is translated by itself.
enum OnPage {
    Left,
    /// It goes on there for long, for which translating it so is too slow.
    Stays,
    Stopped(Stop),
}

/// Translate what is on a page that is not executed as it is. The instruction at `ip` at least ends there.
fn run_on_page(machine: &mut Machine, tally: &mut Tally, ip: u64, page: u64, most: u64) -> OnPage {
    let range = (page_down(ip), page + PAGE);
    let begin = system::monotonic_ns();
    let limit = most.min(MOST_ON_PAGE);
    let stop = machine.run_within(limit, range);
    tally.translated += system::monotonic_ns().saturating_sub(begin);
    let is_there = (range.0..range.1).contains(&machine.registers().rip);
    match stop {
        Stop::Budget if !is_there => OnPage::Left,
        Stop::Budget if limit < most => OnPage::Stays,
        stop => OnPage::Stopped(stop),
    }
}

/// Whether the log has an instruction next that nothing stands in the place of: the recorder found it when it was executed.
pub fn needs_translation(machine: &Machine, group: &Group<'_>) -> bool {
    group.event.kind == EventKind::Instruction
        && code_at(machine, group.event.header.ip).is_some_and(|code| code != INT3)
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

/// The processor has told of a breakpoint, before its instruction, or of an access, behind it.
fn told(machine: &mut Machine, trap: &Trap) -> Stop {
    if trap.address == 0 {
        return Stop::Hook;
    }
    machine.note_access();
    let mut watches = machine.translator.watches().iter();
    let watch = watches.find(|watch| (watch.start..watch.end).contains(&trap.address));
    Stop::Watch(trap.address, watch.map_or(0, |watch| watch.access))
}

/// Whether it is the trap behind an instruction that the trap flag was set for.
fn is_step(machine: &Machine, trap: &Trap, ip: u64) -> bool {
    const TRAP_TRACE: i32 = 2;
    let is_step = trap.signal == SIGTRAP && trap.code == TRAP_TRACE;
    is_step && (machine.registers().rflags & TRAP_FLAG != 0 || int1_at(machine, ip).is_none())
}

/// The program has been trapped by its trap flag: perhaps where a trampoline stands in the place of its own code.
fn stepped(machine: &mut Machine, tally: &mut Tally, ip: u64) -> Stop {
    let start = trampoline::start_of(ip);
    let mut code = [0u8; trampoline::SIZE];
    let is_known = machine.memory.is_trampoline(ip) && guarded_copy::read(start, &mut code);
    let stand = is_known.then(|| trampoline::stand(&code, start, ip));
    let registers = machine.registers_mut();
    match stand.flatten() {
        None => {}
        Some(Stand::AtCall { at, number }) => {
            registers.rax = u64::from(number);
            registers.rip = at;
        }
        Some(Stand::BehindTail(end)) => registers.rip = end,
        // Its own call would not be trapped behind its first instruction.
        Some(Stand::BehindCall(after)) => {
            registers.rip = after.wrapping_sub(SYSCALL_LENGTH);
            tally.calls += 1;
            return Stop::Syscall;
        }
    }
    Stop::stepped(registers.rip)
}

/// Where the `int1` is that has trapped at `ip`: before it, or there, as some hypervisors have it (and the kernel says then
/// that it was a step).
fn int1_at(machine: &Machine, ip: u64) -> Option<u64> {
    const INT1: u8 = 0xf1;
    [ip.wrapping_sub(1), ip]
        .into_iter()
        .find(|&at| code_at(machine, at) == Some(INT1))
}

/// The byte that the program has there.
fn code_at(machine: &Machine, address: u64) -> Option<u8> {
    let mut byte = [0u8];
    machine.memory.read(address, &mut byte).ok()?;
    Some(byte[0])
}

/// What a signal is about.
enum Trapped {
    /// The page is not executable.
    Page,
    /// A store to a page that was executed, which is writable now.
    Store,
    /// The same, by an instruction of that page: both cannot be had at once.
    OwnStore,
    /// An instruction, which the translated engine is to look at.
    Instruction,
}

fn what_stopped(machine: &mut Machine, trap: &Trap) -> Trapped {
    const PAGE_FAULT: u64 = 14;
    const FETCH: u64 = 1 << 4;
    if trap.number != PAGE_FAULT {
        return Trapped::Instruction;
    }
    if trap.error & FETCH != 0 {
        return Trapped::Page;
    }
    if !machine.open_executed_page(trap.address) {
        return Trapped::Instruction;
    }
    let ip = machine.registers().rip;
    let end = ip.saturating_add(LONGEST_INSTRUCTION);
    let (page, next) = (page_down(trap.address), page_down(end));
    if page == page_down(ip) || page == next {
        Trapped::OwnStore
    } else {
        Trapped::Store
    }
}

/// Address of the instruction that has stopped the program: the traps leave it behind theirs.
fn instruction_of(machine: &Machine, trap: &Trap, ip: u64) -> u64 {
    const BREAKPOINT: u64 = 3;
    const OVERFLOW: u64 = 4;
    let before = ip.wrapping_sub(1);
    match trap.number {
        BREAKPOINT if code_at(machine, before) == Some(INT3) => before,
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
