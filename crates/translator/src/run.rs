//! The loop around translated code: choose a block, enter it, deal with how it left.

use crate::accounting::{phase_behind, AHEAD};
use crate::build::{FetchFault, Mode, MAX_COUNT, UNCHECKED};
use crate::context::{BUDGETS, EXIT_FAULT, EXIT_INDIRECT};
use crate::flags::DEAD_WINDOW;
use crate::gate;
use crate::guest::GuestCode;
use crate::program_flags::ALIGNMENT_CHECK;
use crate::stop::{Fault, NonDeterministic, Stop, Unsupported};
use crate::store::{key, ExitKind, NONE, SLOW};
use crate::trace::Recording;
use crate::translator::{Past, Translator};
use alloc::vec::Vec;
use reenact_trace::registers::TRAP_FLAG;

/// Instructions before a requested count that run without accounting in the code, so that it is not passed, and
/// that flags which full-speed accounting has overwritten (as dead) have been set again when it is reached.
const SLACK: i64 = DEAD_WINDOW as i64 + MAX_COUNT as i64 + AHEAD;

/// Below this many instructions there is no full-speed execution: each part of the budget must be enough for
/// any block.
const FULL_SPEED: i64 = SLACK + BUDGETS as i64 * (MAX_COUNT as i64 + 1);

const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const ILL_ILLOPN: i32 = 2;
const SI_KERNEL: i32 = 0x80;
const STATUS_FLAGS: u64 = 0x8d5;

/// What follows an exit.
enum Next {
    Stop(Stop),
    /// Budget too small for the block at `rip`.
    Slow,
    /// Go on at `rip`; the exit may be linked to the block found there.
    Go(Option<u32>),
    /// Like `Go(None)`, after an indirect branch.
    Indirect,
    /// Execute one instruction on its own (its page has just been made writable).
    Step,
}

impl Translator {
    pub(crate) unsafe fn execute<G: GuestCode>(
        &mut self,
        guest: &mut G,
        limit: u64,
        past: Past,
        within: Option<(u64, u64)>,
    ) -> Stop {
        self.has_run = true;
        // The accounting that preserves flags takes a budget of 2^56 or more for a negative one.
        let mut remaining = limit.min(1 << 55) as i64;
        let watches = self.engine.watched_access != 0;
        let mut step = self.step_past(past, watches);
        let mut recording: Option<Recording> = None;
        let mut interrupted = false;
        loop {
            if remaining == 0 {
                return if interrupted {
                    Stop::Interrupted
                } else {
                    Stop::Budget
                };
            }
            let rip = self.registers().rip;
            if step.is_none() && self.is_hook(rip) {
                return Stop::Hook;
            }
            let stepped = (self.registers().rflags & TRAP_FLAG != 0).then(|| {
                recording = None;
                self.begin_step(guest)
            });
            let mode = if let Some(step) = step.take() {
                step
            } else if stepped.is_some() {
                Mode::Exact(1)
            } else if let Some(range) = within {
                self.mode_within(guest, rip, range, remaining)
            } else if remaining < FULL_SPEED || self.registers().rflags & ALIGNMENT_CHECK != 0 {
                // What is noted in pieces of this size would not fit in a block.
                recording = None;
                Mode::Exact(remaining.min(i64::from(MAX_COUNT)) as u8)
            } else if let Some(recording) = &recording {
                Mode::Exact(recording.room())
            } else {
                Mode::Normal
            };
            let number = match self.block(guest, rip, mode, 0) {
                Ok(number) => number,
                Err(fault) => {
                    if let Some(step) = stepped {
                        self.end_step(&step, false);
                    }
                    return fetch_fault(fault);
                }
            };
            let block = &self.engine.store.blocks[number as usize];
            // Behind its accounting, so that at least one instruction is executed whatever the budget.
            let code = self.engine.at(block.body);
            self.random = self
                .random
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(1);
            let (slot, random) = (self.random as usize >> 33, self.random >> 40);
            let sample = i64::from(MAX_COUNT) + 1 + (random as i64) % i64::from(self.sampling);
            let state = self.state();
            let given = state.spread(remaining - SLACK, slot, sample);
            state.running = 1;
            // SAFETY: the body of a block; the gs base was set in `new`.
            unsafe { gate::enter(self.engine.context, code) };
            while let Some(code) = self.resume_after_look(guest) {
                // SAFETY: behind the check in the block that has just left.
                unsafe { gate::enter(self.engine.context, code) };
            }
            self.state().running = 0;
            let (used, next) = self.leave(guest, given, number, mode);
            remaining -= used;
            assert!(remaining >= 0, "translated code has run past its budget");
            self.executed = self.executed.wrapping_add(used as u64);
            if let Some(step) = stepped {
                let is_executed = used > 0 && !matches!(next, Next::Stop(Stop::Unsupported(_)));
                self.end_step(&step, is_executed);
                // `int3` has its own trap, and none behind it.
                if is_executed && !matches!(next, Next::Stop(Stop::Fault(_))) {
                    return Stop::stepped(self.registers().rip);
                }
            }
            if let Some(mut path) = recording.take() {
                let new = self.registers().rip;
                let normal =
                    matches!(mode, Mode::Exact(_)) && matches!(next, Next::Go(_) | Next::Indirect);
                // SAFETY: executed just now.
                if !normal || unsafe { path.add(rip, used as u8, new) } {
                    self.finish_recording(guest, path);
                } else {
                    recording = Some(path);
                }
            }
            match next {
                // A little further, until flags overwritten as dead have been set again.
                Next::Stop(Stop::Interrupted) => {
                    interrupted = true;
                    remaining = remaining.min(i64::from(DEAD_WINDOW) + 1);
                }
                Next::Stop(stop) => return stop,
                Next::Slow if remaining >= FULL_SPEED => {
                    recording = self.sample(self.registers().rip);
                }
                Next::Slow => {}
                Next::Step => {
                    // It was looked at before it faulted.
                    step = Some(Mode::Once { looked_at: true });
                }
                Next::Go(None) => {}
                Next::Go(_) | Next::Indirect if within.is_some() => {}
                Next::Go(Some(exit)) => self.connect(guest, exit, remaining),
                Next::Indirect => self.connect_indirect(guest, remaining),
            }
            if let Some((start, end)) = within {
                if !(start..end).contains(&self.registers().rip) && !interrupted {
                    return Stop::Budget;
                }
            }
        }
    }

    /// How code that must not leave a range is executed: some instructions in a row that all lie in it, or one.
    fn mode_within<G: GuestCode>(
        &mut self,
        guest: &mut G,
        address: u64,
        range: (u64, u64),
        remaining: i64,
    ) -> Mode {
        const SOME: u8 = 32;
        let mode = Mode::Exact(SOME);
        if remaining < i64::from(SOME) {
            return Mode::Exact(1);
        }
        let Ok(number) = self.block(guest, address, mode, 0) else {
            return Mode::Exact(1);
        };
        let store = &self.engine.store;
        let block = &store.blocks[number as usize];
        let notes = &store.notes[block.notes as usize..][..usize::from(block.count)];
        let length: u64 = notes.iter().map(|note| note.length()).sum();
        let is_inside = range.0 <= address && address + length <= range.1;
        if is_inside && block.jump_count == 0 {
            mode
        } else {
            Mode::Exact(1)
        }
    }

    /// How the first instruction of a run is executed, if it needs a block of its own. Where execution comes by millions
    /// of times such blocks are kept.
    fn step_past(&self, past: Past, watches: bool) -> Option<Mode> {
        let rip = self.registers().rip;
        if past == Past::Watch && watches {
            return Some(Mode::Unchecked);
        }
        if past == Past::Nothing || !self.engine.may_stop_at(rip) {
            return None;
        }
        // A block that is kept has the check of a landing.
        let is_landing = self
            .engine
            .landing
            .is_some_and(|landing| landing.address == rip);
        Some(if is_landing {
            Mode::Once { looked_at: false }
        } else {
            Mode::Exact(1)
        })
    }

    /// Translate the target of an exit that has just been taken, and link it.
    fn connect<G: GuestCode>(&mut self, guest: &mut G, exit: u32, remaining: i64) {
        let target = self.registers().rip;
        let field = self.engine.store.exits[exit as usize].field;
        if field == 0 || remaining < FULL_SPEED || self.is_hook(target) {
            return;
        }
        let generation = self.engine.generation;
        let phase = phase_behind(self.engine.store.exits[exit as usize].phase);
        let Ok(number) = self.block(guest, target, Mode::Normal, phase) else {
            return;
        };
        let source = self
            .engine
            .store
            .exits
            .get(exit as usize)
            .map_or(NONE, |exit| exit.block);
        if generation == self.engine.generation
            && source != NONE
            && self.engine.store.blocks[source as usize].valid
        {
            self.engine.link(exit, number);
        }
    }

    fn connect_indirect<G: GuestCode>(&mut self, guest: &mut G, remaining: i64) {
        let target = self.registers().rip;
        if remaining < FULL_SPEED || self.is_hook(target) {
            return;
        }
        let Ok(number) = self.block(guest, target, Mode::Normal, 0) else {
            return;
        };
        if self.engine.has_room() {
            self.engine.enter_in_table(number);
        }
    }

    /// The block for `address`, translated if need be (with this phase).
    fn block<G: GuestCode>(
        &mut self,
        guest: &mut G,
        address: u64,
        mode: Mode,
        phase: i16,
    ) -> Result<u32, FetchFault> {
        let limit = match mode {
            Mode::Normal => Some(0),
            Mode::Exact(limit) => Some(limit),
            Mode::Unchecked => Some(UNCHECKED),
            Mode::Once { .. } => None,
        };
        if let Some(limit) = limit {
            if let Some(number) = self.engine.store.by_address.get(key(address, limit)) {
                return Ok(number);
            }
        }
        if !self.engine.has_room() {
            self.flush();
        }
        self.engine.build(guest, address, mode, phase)
    }

    /// After an exit: bring registers and count up to date. Returns the instructions executed.
    fn leave<G: GuestCode>(
        &mut self,
        guest: &mut G,
        given: i64,
        entered: u32,
        mode: Mode,
    ) -> (i64, Next) {
        let number = self.state().exit;
        let block = self.engine.store.blocks[entered as usize];
        let interrupted = self.state().interrupted != 0;
        // Blocks without accounting charge nothing: all they have executed is due.
        let (charged, at_indirect) = match mode {
            Mode::Normal => (given - self.state().collect(), 0),
            _ => (0, i64::from(block.count)),
        };
        let mut due = at_indirect;
        let mut next = match number {
            EXIT_INDIRECT => {
                let state = self.state();
                state.registers.rip = state.registers.rcx;
                state.registers.rcx = state.spill_a;
                state.registers.r10 = state.spill_b;
                Next::Indirect
            }
            EXIT_FAULT => {
                let (at_fault, next) = self.fault(guest);
                due = at_fault;
                next
            }
            number if number & SLOW != 0 => {
                let block = &self.engine.store.blocks[(number & !SLOW) as usize];
                due = i64::from(block.phase);
                let start = block.guest;
                self.state().registers.rip = start;
                Next::Slow
            }
            number => {
                let exit = self.engine.store.exits[number as usize];
                due = i64::from(exit.phase);
                self.state().registers.rip = exit.target;
                self.after_exit(guest, number, self.engine.store.kind(number))
            }
        };
        if interrupted {
            self.state().interrupted = 0;
            next = match next {
                Next::Stop(stop) => Next::Stop(stop),
                _ => Next::Stop(Stop::Interrupted),
            };
        }
        (charged + due - i64::from(block.phase), next)
    }

    fn after_exit<G: GuestCode>(&mut self, guest: &G, number: u32, kind: ExitKind) -> Next {
        match kind {
            ExitKind::Jump => Next::Go(Some(number)),
            ExitKind::Syscall => Next::Stop(Stop::Syscall),
            ExitKind::Int80 => Next::Stop(Stop::Int80),
            ExitKind::NonDeterministic(code, length, register, size) => {
                let code = u16::from(code);
                Next::Stop(Stop::Instruction(NonDeterministic {
                    code,
                    length,
                    register,
                    size,
                }))
            }
            ExitKind::StoreX87(layout) => {
                let address = self.state().operand;
                // SAFETY: the guest has just executed the store.
                unsafe { self.engine.fix_stored_x87(address, layout) };
                Next::Go(None)
            }
            ExitKind::FarReturn(what) => match self.take_far_return(what) {
                Ok(()) => Next::Go(None),
                Err(unsupported) => {
                    // It will be counted, and has not been executed.
                    self.executed = self.executed.wrapping_sub(1);
                    Next::Stop(Stop::Unsupported(unsupported))
                }
            },
            ExitKind::PopFlags(size, length) => {
                self.take_flags(size, length);
                Next::Go(None)
            }
            ExitKind::Landing => Next::Stop(Stop::Hook),
            ExitKind::Watch(access) => {
                let (address, how) = self
                    .touched(guest, &access)
                    .unwrap_or((self.state().watched, access.access));
                Next::Stop(Stop::Watch(address, how))
            }
            ExitKind::Int3 => Next::Stop(Stop::Fault(Fault {
                signal: SIGTRAP,
                code: SI_KERNEL,
                address: 0,
                dead_flags: 0,
            })),
            ExitKind::Unsupported(name, length) => {
                Next::Stop(Stop::Unsupported(Unsupported { name, length }))
            }
            ExitKind::TooLong => Next::Stop(Stop::Fault(Fault {
                signal: SIGSEGV,
                code: SI_KERNEL,
                address: 0,
                dead_flags: 0,
            })),
            ExitKind::Invalid => Next::Stop(Stop::Fault(Fault {
                signal: SIGILL,
                code: ILL_ILLOPN,
                address: self.registers().rip,
                dead_flags: 0,
            })),
        }
    }

    /// A fault in translated code, whose registers [`Context::redirect_fault`] has stored.
    /// Returns the instructions executed and not charged.
    fn fault<G: GuestCode>(&mut self, guest: &mut G) -> (i64, Next) {
        let host = self.registers().rip;
        let offset = self.engine.offset(host);
        let store = &self.engine.store;
        let found = store.find(offset).and_then(|number| {
            let block = store.blocks[number as usize];
            store.place(&block, offset).map(|place| (block, place))
        });
        let Some((block, place)) = found else {
            let name = "fault in the translator's own code";
            return (
                0,
                Next::Stop(Stop::Unsupported(Unsupported { name, length: 0 })),
            );
        };
        let state = self.state();
        let registers = (&raw mut state.registers).cast::<u8>();
        for (register, value) in [
            (place.note.scratch(), state.spill_a),
            (place.note.second(), state.spill_b),
        ] {
            if let Some(register) = register {
                let offset = crate::context::register_offset(register);
                // SAFETY: offset of a field of Registers.
                unsafe { registers.add(offset).cast::<u64>().write(value) };
            }
        }
        state.registers.rip = place.guest;
        let (signal, code, mut address) =
            (state.fault_signal, state.fault_code, state.fault_address);
        let due = i64::from(block.phase) + i64::from(place.index);
        // Only the owner knows: a page stays protected when its translations have been dropped for
        // another reason (a hook, a landing, a full cache).
        let stale = if signal == SIGSEGV {
            guest.unwatch_page(address)
        } else {
            Vec::new()
        };
        if !stale.is_empty() {
            for page in stale {
                self.engine.remove_page(page >> 12);
            }
            return (due, Next::Step);
        }
        if matches!(signal, SIGILL | SIGFPE) {
            address = place.guest;
        }
        let dead_flags = if self.engine.shows_dead_flags(guest, &block, &place) {
            STATUS_FLAGS
        } else {
            0
        };
        (
            due,
            Next::Stop(Stop::Fault(Fault {
                signal,
                code,
                address,
                dead_flags,
            })),
        )
    }
}

fn fetch_fault(fault: FetchFault) -> Stop {
    Stop::Fault(Fault {
        signal: fault.fault.signal,
        code: fault.fault.code,
        address: fault.address,
        dead_flags: 0,
    })
}
