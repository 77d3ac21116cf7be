//! The replayer as a server: a client says how far to run, and looks at the process where it
//! stands. What it says and hears: docs/internals/control-protocol.md.
//!
//! Design constraints:
//! * The client is asked from within the replay ([`Control::stop`] returns when it wants to go
//!   on), so that the replay itself is the same code with and without a client.
//! * A copy is made by `fork` wherever that happens to be; it serves a client of its own.
//! * Looking changes nothing: the same position is the same state whoever has stopped before.

mod branch;
mod channel;
mod collection;
mod conditions;
mod history;
mod hits;
mod looking;
mod message;
mod observed;
mod place;
mod range;
mod serve;

use alloc::string::String;
use alloc::vec::Vec;

use reenact_trace::{EventHeader, EventKind};

use crate::exit_status;
use crate::machine::Machine;
use crate::system;
use channel::{Channel, Received, MOST_MESSAGE};
use collection::Collection;
use conditions::Conditions;
use history::Passed;
use message::{Operation, Reason};
use place::{Listed, StopPoint};
use range::CodeRange;
use reenact_translator::Touched;

/// Instructions between two looks for an interrupting request: some 10 ms.
const STRETCH: u64 = 20_000_000;
/// Events between two such looks.
const EVENTS_BETWEEN_LOOKS: u32 = 64;
/// Hits that are only remembered between two such looks.
const HITS_BETWEEN_LOOKS: u64 = 4096;
/// In a run: no such limit.
const NEVER: u64 = u64::MAX;

/// How far the client lets the replay run.
#[derive(Clone, Copy, Debug)]
struct Run {
    target_event: u64,
    target_instructions: u64,
    /// Steps left: instructions, and events that change registers.
    steps: u64,
    /// Most instructions of this process in total.
    most_total: u64,
    /// Last event to let take effect.
    most_event: u64,
    /// Kinds of events to stop after, as bits.
    catch: u64,
    /// Remember the last breakpoint hit instead of stopping at each.
    remember: bool,
    /// Where a breakpoint does not count: where the run began, unless the client wants it.
    except: Option<(u64, u64)>,
    /// The same for watched memory.
    except_access: Option<(u64, u64)>,
    /// Conditions of watches are asked behind the access, not before it.
    asks_behind: bool,
    /// At breakpoints that something is collected at it is collected, and nothing else.
    collects: bool,
    /// What is remembered is listed, too.
    lists: bool,
    /// Code that a step by line runs through.
    range: Option<CodeRange>,
}

/// The connection to the client.
pub struct Control {
    channel: Channel,
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Of the request that is being answered.
    tag: u32,
    /// Whether the process asked for has begun its life.
    is_active: bool,
    /// Last event that has taken effect.
    event: u64,
    history: Vec<Passed>,
    run: Run,
    /// Total of instructions up to which steps have been counted.
    counted: u64,
    events_to_look: u32,
    remembered: Option<StopPoint>,
    listed: Listed,
    hits: u64,
    /// Registers or memory were changed: what follows is not the recording.
    is_branch: bool,
    failure: String,
    conditions: Conditions,
    collection: Collection,
    /// Hits that were passed over since the last look for a request.
    passed_over: u32,
    /// Accesses whose conditions are asked when they are done, and the total of instructions before them.
    begun: Vec<Touched>,
    begun_at: u64,
    /// Room for what an instruction touches.
    touched: Vec<Touched>,
}

impl Control {
    pub fn new(descriptor: i32) -> Control {
        Control {
            channel: Channel::new(descriptor),
            request: alloc::vec![0; MOST_MESSAGE],
            reply: Vec::with_capacity(MOST_MESSAGE),
            tag: 0,
            is_active: false,
            event: 0,
            history: Vec::new(),
            run: Run {
                target_event: NEVER,
                target_instructions: 0,
                steps: NEVER,
                most_total: NEVER,
                most_event: NEVER,
                catch: 0,
                remember: false,
                except: None,
                except_access: None,
                asks_behind: false,
                collects: false,
                lists: false,
                range: None,
            },
            counted: 0,
            events_to_look: EVENTS_BETWEEN_LOOKS,
            remembered: None,
            listed: Listed::default(),
            hits: 0,
            is_branch: false,
            failure: String::new(),
            conditions: Conditions::default(),
            collection: Collection::default(),
            passed_over: 0,
            begun: Vec::new(),
            begun_at: 0,
            touched: Vec::new(),
        }
    }

    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// The replay follows another process from here on.
    pub fn begin_process(&mut self) {
        self.history.clear();
        self.is_active = false;
    }

    /// An event has taken effect. `switched`: another thread runs now.
    pub fn event_done(
        &mut self,
        machine: &mut Machine,
        index: u64,
        kind: EventKind,
        header: &EventHeader,
        switched: bool,
    ) {
        let (before, own_instruction) = machine.take_passed();
        let is_visible = switched || history::changes_registers(kind, header);
        self.history.push(Passed {
            index,
            before,
            own_instruction,
            is_visible,
            kind,
            code: header.code,
        });
        self.event = index;
        if !self.is_active {
            if history::begins_life(kind, header) {
                self.is_active = true;
                self.counted = machine.total_instructions();
                self.stop(machine, Reason::Start, [0; 2]);
                self.stop_if_due(machine);
            }
            return;
        }
        self.count(machine, u64::from(own_instruction));
        self.settle_accesses(machine, true);
        self.run.steps = self.run.steps.saturating_sub(u64::from(is_visible));
        self.events_to_look -= 1;
        if self.events_to_look == 0 {
            self.look(machine);
        }
        // What is due here anyway needs no second stop.
        let is_target = (self.run.target_event, self.run.target_instructions) == (index, 0);
        if self.run.catch >> (kind as u8) & 1 != 0 && !is_target {
            let detail = [kind as u64, u64::from(header.code)];
            self.hit(machine, Reason::Catch, detail);
        }
        self.stop_if_due(machine);
    }

    /// Count executed instructions as steps, apart from `not_counted` of them.
    fn count(&mut self, machine: &Machine, not_counted: u64) {
        let total = machine.total_instructions();
        let executed = total.saturating_sub(self.counted + not_counted);
        self.counted = total;
        if self.run.steps != NEVER {
            self.run.steps = self.run.steps.saturating_sub(executed);
        }
    }

    /// How many instructions may be executed until the client has to be asked: more than none.
    /// Asks it if that is due now.
    pub fn allowance(&mut self, machine: &mut Machine) -> u64 {
        self.count(machine, 0);
        self.settle_accesses(machine, false);
        self.stop_if_due(machine);
        self.seek(machine);
        let most = if self.is_stepping(machine) {
            1
        } else {
            STRETCH
        };
        self.left(machine).0.min(most)
    }

    /// Whether every instruction is of interest.
    fn is_stepping(&self, machine: &Machine) -> bool {
        let is_outside = |range: CodeRange| range.is_sought && range.is_outside(machine);
        !self.begun.is_empty() || self.run.range.is_some_and(is_outside)
    }

    /// Instructions that may be executed here, and why not more.
    fn left(&self, machine: &Machine) -> (u64, Reason) {
        let run = &self.run;
        let mut left = (run.steps, Reason::Steps);
        let mut limit = |most: u64, reason: Reason| {
            if most < left.0 {
                left = (most, reason);
            }
        };
        if run.most_total != NEVER {
            let rest = run.most_total.saturating_sub(machine.total_instructions());
            limit(rest, Reason::Limit);
        }
        if run.range.is_some_and(|range| range.is_left(machine)) {
            limit(0, Reason::Steps);
        }
        if self.event >= run.most_event {
            limit(0, Reason::Limit);
        }
        if self.event == run.target_event {
            let rest = run.target_instructions.checked_sub(machine.since_event());
            match rest {
                Some(rest) => {
                    if rest <= left.0 {
                        left = (rest, Reason::Target);
                    }
                }
                None => left = (0, Reason::Beyond),
            }
        } else if self.event > run.target_event {
            left = (0, Reason::Beyond);
        }
        left
    }

    fn stop_if_due(&mut self, machine: &mut Machine) {
        while let (0, reason) = self.left(machine) {
            self.stop(machine, reason, [0; 2]);
        }
    }

    /// A stretch is over: look for a request that interrupts.
    pub fn look(&mut self, machine: &mut Machine) {
        self.events_to_look = EVENTS_BETWEEN_LOOKS;
        match self.channel.receive(&mut self.request, false) {
            Received::Nothing => {}
            Received::Closed => system::exit(0),
            Received::Message(length, _) => {
                if self.operation(length) == Some(Operation::Interrupt) {
                    self.stop(machine, Reason::Interrupted, [0; 2]);
                } else {
                    // Nothing else may be asked while it runs.
                    system::exit(exit_status::USAGE);
                }
            }
        }
    }

    /// Something the client waits for: stop, or remember it.
    fn hit(&mut self, machine: &mut Machine, reason: Reason, detail: [u64; 2]) {
        self.hits += 1;
        if self.run.remember {
            let place = self.place(machine, reason, detail);
            self.remembered = Some(place);
            if self.run.lists {
                self.listed.add(place);
            }
            // Each takes as long as many instructions, and a stretch may be full of them.
            if self.hits.is_multiple_of(HITS_BETWEEN_LOOKS) {
                self.look(machine);
            }
        } else {
            self.stop(machine, reason, detail);
        }
    }

    /// The process has ended, or cannot be replayed further: serve until nobody asks any more.
    pub fn at_end(&mut self, machine: &mut Machine, failure: Option<String>) -> ! {
        let reason = if failure.is_some() {
            Reason::Failed
        } else {
            Reason::End
        };
        self.failure = failure.unwrap_or_default();
        if !self.is_active {
            // It was never reached: the client learns why from the reports.
            system::exit(exit_status::TRACE);
        }
        loop {
            self.count(machine, 0);
            let reason = match self.left(machine) {
                (0, due) => due,
                _ => reason,
            };
            self.stop(machine, reason, [0; 2]);
        }
    }

    fn place(&self, machine: &Machine, reason: Reason, detail: [u64; 2]) -> StopPoint {
        StopPoint {
            reason,
            event: self.event,
            instructions: machine.since_event(),
            total: machine.total_instructions(),
            tid: machine.threads.current.unwrap_or(0),
            detail,
        }
    }
}
