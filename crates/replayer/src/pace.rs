//! Runs the machine in stretches, so that progress can be told and a runaway noticed.

use reenact_trace::event::instruction;
use reenact_trace::EventKind;
use reenact_translator::{Fault, NonDeterministic, Stop, Unsupported};

use crate::control::Control;
use crate::divergence::{Failure, What};
use crate::fault_branches;
use crate::fault_pages::{self, Expected};
use crate::feed::Group;
use crate::frequent_instructions::FrequentInstructions;
use crate::known_landings::Landings;
use crate::machine::Machine;
use crate::matching;
use crate::native::{self, Tally};
use crate::options::Options;
use crate::report;
use crate::system;
use crate::vsyscall;

/// Instructions between two looks at the clock: some 10 ms.
const STRETCH: u64 = 20_000_000;
/// Instructions at a time when nobody wants to look at the clock.
const WHOLE: u64 = 1 << 48;
/// Events between two looks at the clock.
const EVENTS_BETWEEN_LOOKS: u32 = 256;

/// More instructions than any processor executes in one tick of its time-stamp counter: eight in
/// a cycle, at twice the counter's frequency.
const INSTRUCTIONS_A_TICK: u64 = 16;
/// What a search gets beyond that: the counters of two processors need not agree to the tick.
const SEARCH_MORE: u64 = 4_000_000;
/// What a search gets where the counter went backwards from one processor to the other.
const SEARCH_WITHOUT_TIME: u64 = 100_000_000_000;

/// What a run begins with although it would stop there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Past {
    Nothing,
    Hook,
    Watch,
}

/// Limits of running.
pub struct Pace {
    /// Nanoseconds between progress lines; 0: none.
    interval: u64,
    /// Most instructions between two events; 0: no limit.
    runaway: u64,
    next_report: u64,
    events_to_look: u32,
    /// Time-stamp counter of the recording at the last event.
    last_time: u64,
    /// While a landing is searched for: most instructions since the last event.
    search_limit: Option<u64>,
    /// While the place of the next event is known: instructions since the last event.
    counted: Option<u64>,
    /// Where landings are.
    pub landings: Landings,
    /// Events in the log.
    pub total_events: u64,
    /// A client that says how far to run.
    pub control: Option<Control>,
    /// What ran natively; `None`: nothing is to.
    pub native: Option<Tally>,
    frequent: FrequentInstructions,
    /// For tests: by which events the engine changes.
    engine_changes: Option<u64>,
}

impl Pace {
    pub fn new(options: &Options, landings: Landings) -> Pace {
        Pace {
            interval: options.progress,
            runaway: options.runaway,
            next_report: system::monotonic_ns() + options.progress,
            events_to_look: EVENTS_BETWEEN_LOOKS,
            last_time: 0,
            search_limit: None,
            counted: None,
            landings,
            total_events: 0,
            control: options
                .control
                .map(|control| Control::new(control, options.native)),
            native: options.native.then(Tally::default),
            frequent: FrequentInstructions::default(),
            engine_changes: options.engine_changes,
        }
    }

    /// This is the replay of a forked child from here on.
    pub fn begin_process(&mut self, process: u32) {
        self.landings.begin_process(process);
        self.native = self.native.map(|_| Tally::default());
    }

    /// The replay begins behind an event that was logged at this time.
    pub fn begin_behind(&mut self, time: u64) {
        self.last_time = time;
    }

    /// A landing is searched for, which was made at this time: the program has not executed more
    /// instructions since the last event than the processor could.
    pub fn begin_search(&mut self, time: u64) {
        let ticks = time.checked_sub(self.last_time);
        let limit = ticks.map_or(SEARCH_WITHOUT_TIME, |ticks| {
            ticks.saturating_mul(INSTRUCTIONS_A_TICK)
        });
        self.search_limit = Some(limit.saturating_add(SEARCH_MORE));
    }

    /// It has been found, or never will be.
    pub fn end_search(&mut self) {
        self.search_limit = None;
    }

    /// Whether the program has gone further than it can have in the recording.
    pub fn has_passed(&self, machine: &Machine) -> bool {
        self.search_limit
            .is_some_and(|limit| machine.since_event() > limit)
    }

    /// Run to this many instructions since the last event, unless something stops the program
    /// before; [`Stop::Budget`] where it has come there.
    pub fn run_counted(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        count: u64,
    ) -> Result<Stop, Failure> {
        self.counted = Some(count);
        let stop = self.run(machine, group);
        self.counted = None;
        stop
    }

    /// Run to the system call that the event is, where that is all there is to it: nobody looks or counts. False: what has
    /// stopped the program, if anything has, is for [`Pace::run`], which then goes on from there.
    #[inline]
    pub fn comes_to_call(&mut self, machine: &mut Machine, group: &Group<'_>) -> bool {
        let is_plain = group.event.kind == EventKind::Syscall
            && self.control.is_none()
            && self.runaway == 0
            && self.search_limit.is_none()
            && self.counted.is_none()
            && self.engine_changes.is_none();
        match &mut self.native {
            Some(tally) if is_plain => native::comes_to_call(machine, tally),
            _ => false,
        }
    }

    /// Run to the next stop that is the program's doing; while a landing is searched for, also
    /// [`Stop::Budget`] when the search has gone too far.
    pub fn run(&mut self, machine: &mut Machine, group: &Group<'_>) -> Result<Stop, Failure> {
        self.run_from(machine, group, false)
    }

    /// The same from a hook at the current instruction.
    pub fn run_past_hook(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
    ) -> Result<Stop, Failure> {
        self.run_from(machine, group, true)
    }

    fn run_from(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        past_hook: bool,
    ) -> Result<Stop, Failure> {
        let past = if past_hook { Past::Hook } else { Past::Nothing };
        let expected = fault_pages::arm(machine, group);
        let branch = fault_branches::arm(machine, group);
        let stop = self.run_armed(machine, group, past, expected)?;
        fault_branches::disarm(machine, branch);
        Ok(fault_pages::disarm(machine, expected, stop))
    }

    fn run_armed(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        mut past: Past,
        expected: Option<Expected>,
    ) -> Result<Stop, Failure> {
        loop {
            let stretch = match &mut self.control {
                Some(control) if control.is_active() => control.allowance(machine),
                _ if self.interval == 0 && self.runaway == 0 && self.search_limit.is_none() => {
                    WHOLE
                }
                _ => STRETCH,
            };
            let left = self
                .counted
                .map(|count| count.saturating_sub(machine.since_event()));
            if left == Some(0) {
                if past != Past::Hook && machine.has_breakpoint(machine.registers().rip) {
                    // A search stops here, and its hook tells the client.
                    self.is_for_client(machine);
                }
                return Ok(Stop::Budget);
            }
            let stretch = left.map_or(stretch, |left| stretch.min(left));
            let control = self.control.as_ref();
            let range = control.and_then(|control| control.range(machine));
            // What is run past is looked at one by one, too.
            let stretch = match (range, past) {
                (Some(_), Past::Hook | Past::Watch) => stretch.min(1),
                _ => stretch,
            };
            if !matches!((past, range), (Past::Nothing, None)) {
                machine.rest_points();
            }
            let stop = match (core::mem::replace(&mut past, Past::Nothing), range) {
                (Past::Nothing, Some(range)) => machine.run_within(stretch, range),
                (Past::Nothing, None) => self.run_by_one_engine(machine, group, stretch),
                (Past::Hook, _) => machine.run_past_hook(stretch),
                (Past::Watch, _) => machine.run_past_watch(stretch),
            };
            match stop {
                Stop::Fault(_) | Stop::Hook if vsyscall::contains(machine.registers().rip) => {
                    // To one engine it is a fault, to the other a call.
                    if vsyscall::is_called(machine, group) {
                        return Ok(Stop::Hook);
                    }
                    if !has_faulted(machine, group, 0) {
                        return Ok(stop);
                    }
                    vsyscall::faults(machine, group);
                    return Ok(recorded_fault(machine, group));
                }
                Stop::Budget if self.has_passed(machine) => return Ok(stop),
                Stop::Budget => self.look(machine),
                Stop::Hook if self.is_for_client(machine) => past = Past::Hook,
                Stop::Hook if fault_branches::is_at(machine, group) => {
                    if fault_branches::faults(machine) {
                        return Ok(recorded_fault(machine, group));
                    }
                    past = Past::Hook;
                }
                Stop::Watch(address, how) if machine.take_access() => {
                    if let Some(control) = &mut self.control {
                        control.behind_access(machine, address, how);
                    }
                }
                Stop::Watch(address, how) => {
                    if let Some(control) = &mut self.control {
                        control.at_access(machine, address, how);
                    }
                    past = Past::Watch;
                }
                Stop::Interrupted => {}
                Stop::Fault(fault) if fault_pages::grow(machine, expected, &fault)? => {}
                Stop::Int80 if has_faulted(machine, group, matching::SYSCALL_LENGTH as u8) => {
                    self.ask_behind_trap(machine);
                    return Ok(recorded_fault(machine, group));
                }
                Stop::Unsupported(Unsupported { length, .. })
                | Stop::Instruction(NonDeterministic { length, .. })
                    if has_faulted(machine, group, length) =>
                {
                    self.ask_behind_trap(machine);
                    return Ok(recorded_fault(machine, group));
                }
                Stop::Fault(_) => {
                    self.ask_behind_trap(machine);
                    return Ok(stop);
                }
                Stop::Instruction(which)
                    if !is_logged(machine, group) && machine.answer(&which) =>
                {
                    self.note_answer(machine, &which);
                }
                stop => return Ok(stop),
            }
            if self.runaway > 0 && machine.since_event() > self.runaway {
                let message = alloc::format!(
                    "no event after {} instructions; the log has {}",
                    machine.since_event(),
                    group.event.kind.name()
                );
                let stop = Stop::Budget;
                return Err(matching::diverged(
                    machine,
                    group,
                    &stop,
                    What::Runaway,
                    message,
                ));
            }
        }
    }

    /// Run to the next stop: by the program's own code, where nothing has to be counted or seen on the way.
    fn run_by_one_engine(
        &mut self,
        machine: &mut Machine,
        group: &Group<'_>,
        stretch: u64,
    ) -> Stop {
        let is_watched = self.control.as_ref().is_some_and(Control::counts) || self.runaway > 0;
        let Some(tally) = self.native.as_mut().filter(|_| !is_watched) else {
            machine.rest_points();
            return machine.run(stretch);
        };
        let is_counted = self.search_limit.is_some() || self.counted.is_some();
        let is_changed = self
            .engine_changes
            .is_some_and(|seed| native::is_translated_at(seed, group.index));
        let ticks = group.event.header.time.checked_sub(self.last_time);
        let is_frequent = self.frequent.is_next(group, ticks);
        let ways = &mut tally.ways;
        let reason = if is_counted {
            &mut ways.landings
        } else if is_changed {
            &mut ways.others
        } else if is_frequent {
            &mut ways.frequent
        } else if native::needs_translation(machine, group) {
            &mut ways.unmarked
        } else {
            return native::run(machine, tally, stretch);
        };
        // Once for a way that is gone in stretches.
        *reason += u64::from(machine.since_event() == 0);
        machine.rest_points();
        tally.translate(machine, stretch)
    }

    /// An instruction that traps, as `int3` does, has been executed when it stops: the place behind it, before
    /// the event, may be where a client wants to be.
    fn ask_behind_trap(&mut self, machine: &mut Machine) {
        if let Some(control) = self.control.as_mut().filter(|control| control.is_active()) {
            control.allowance(machine);
        }
    }

    /// Tell a client of a breakpoint; whether nobody else wants to know of the place.
    fn is_for_client(&mut self, machine: &mut Machine) -> bool {
        let address = machine.registers().rip;
        // Before it is told: while it stands here, the client may take the breakpoint away.
        let is_only_its = machine.may_pass(address);
        if let Some(control) = &mut self.control {
            if control.is_active() {
                control.at_hook(machine);
            }
        }
        is_only_its
    }

    /// Say once that the recorder has missed an instruction.
    fn note_answer(&mut self, machine: &mut Machine, which: &NonDeterministic) {
        if machine.processor.is_certain() || instruction::stores_state(which.code) {
            return;
        }
        if core::mem::replace(&mut machine.processor.asked, true) || self.control.is_some() {
            return;
        }
        let name = matching::instruction_name(which.code);
        let ip = machine.registers().rip - u64::from(which.length);
        let mut line = report::line("note");
        line.display(
            "message",
            format_args!(
                "{name} at {ip:#x} was not recorded; it is answered from the manifest of the \
                 recording machine (said once)"
            ),
        );
        report::send(&mut line);
    }

    /// An event, logged at this time, is done.
    pub fn event_done(&mut self, machine: &mut Machine, time: u64) {
        self.last_time = time;
        if self.interval == 0 {
            return;
        }
        self.events_to_look -= 1;
        if self.events_to_look == 0 {
            self.events_to_look = EVENTS_BETWEEN_LOOKS;
            self.look(machine);
        }
    }

    fn look(&mut self, machine: &mut Machine) {
        if let Some(control) = self.control.as_mut().filter(|control| control.is_active()) {
            control.end_stretch(machine);
        }
        if self.interval == 0 {
            return;
        }
        let now = system::monotonic_ns();
        if now < self.next_report {
            return;
        }
        self.next_report = now + self.interval;
        let mut line = report::line("progress");
        line.optional("instructions", machine.counted_total())
            .number("total", self.total_events);
        report::send(&mut line);
    }
}

/// An instruction that the translator cannot perform may be one that the processor or the kernel of the
/// recording refused: the log says so.
fn has_faulted(machine: &Machine, group: &Group<'_>, length: u8) -> bool {
    let ip = machine.registers().rip;
    // Behind an instruction that traps, as `int 4` does.
    let behind = ip + u64::from(length);
    group.event.kind == EventKind::Fault && [ip, behind].contains(&{ group.event.header.ip })
}

/// That refusal.
fn recorded_fault(machine: &mut Machine, group: &Group<'_>) -> Stop {
    let header = &group.event.header;
    machine.registers_mut().rip = header.ip;
    Stop::Fault(Fault {
        signal: i32::from(header.code),
        code: 0,
        address: 0,
        dead_flags: 0,
    })
}

/// Whether the instruction at hand is the event at hand.
fn is_logged(machine: &Machine, group: &Group<'_>) -> bool {
    group.event.kind == EventKind::Instruction && group.event.header.ip == machine.registers().rip
}
