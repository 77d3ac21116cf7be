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
mod watched;

use alloc::string::String;
use alloc::vec::Vec;

use reenact_trace::{EventHeader, EventKind};

use crate::exit_status;
use crate::machine::{Machine, UNCOUNTED};
use crate::system;
use crate::ticks;
use channel::{Channel, Received, MOST_MESSAGE};
use collection::Collection;
use conditions::Conditions;
pub use history::{changes_registers, Passed};
use message::{Operation, Reason};
use place::{Listed, StopPoint};
use range::CodeRange;
use reenact_translator::Touched;
use watched::Watched;

/// Instructions between two looks for an interrupting request: some 10 ms.
const STRETCH: u64 = 20_000_000;
/// Events between two such looks.
const EVENTS_BETWEEN_LOOKS: u32 = 64;
/// Hits that are only remembered between two such looks.
const HITS_BETWEEN_LOOKS: u64 = 4096;
/// An event, and a tick of the clock, by the program's own code, as instructions of translated code that take as long.
const WORK_OF_EVENT: u64 = 1 << 11;
const WORK_OF_TICK: u64 = 1 << 23;
/// Hits of points that stop the program's own code between two events; each costs as much as many instructions that are
/// translated.
const MOST_NATIVE_HITS: u32 = 4;
/// So many hits in so much work at the beginning of a run are many.
const MANY_HITS: u64 = 256;
const WORK_OF_MANY: u64 = WORK_OF_TICK;
/// In a run: no such limit.
const NEVER: u64 = u64::MAX;

/// How far the client lets the replay run.
#[derive(Clone, Copy, Debug)]
struct Run {
    target_event: u64,
    target_instructions: u64,
    /// Steps left: instructions, and events that change registers.
    steps: u64,
    /// Most work ([`StopPoint::work`]).
    most_work: u64,
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
    /// Work at the beginning of the run; it ends where it comes to many hits. `None`: it does not.
    ends_at_many: Option<u64>,
    /// Code that a step by line runs through.
    range: Option<CodeRange>,
    /// Nothing is counted on the way to the target's event: the program's own code may run.
    is_native: bool,
    /// With that: the event behind which all is counted nevertheless, because the run begins there with points, and later.
    counted_behind: Option<u64>,
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
    has_native: bool,
    /// Last event that has taken effect.
    event: u64,
    history: Vec<Passed>,
    run: Run,
    /// Total of instructions up to which steps have been counted.
    counted: u64,
    events_to_look: u32,
    /// Ticks of the clock when they were looked at last.
    ticks: u64,
    hits_since_event: u32,
    /// What a run by the program's own code stands for beside the instructions that were counted.
    uncounted_work: u64,
    remembered: Option<StopPoint>,
    listed: Listed,
    hits: u64,
    /// Registers or memory were changed: what follows is not the recording.
    is_branch: bool,
    failure: String,
    conditions: Conditions,
    watched: Watched,
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
    /// `native`: whether the program's own code can run.
    pub fn new(descriptor: i32, native: bool) -> Control {
        Control {
            has_native: native,
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
                most_work: NEVER,
                most_event: NEVER,
                catch: 0,
                remember: false,
                except: None,
                except_access: None,
                asks_behind: false,
                collects: false,
                lists: false,
                ends_at_many: None,
                range: None,
                is_native: false,
                counted_behind: None,
            },
            counted: 0,
            events_to_look: EVENTS_BETWEEN_LOOKS,
            ticks: 0,
            hits_since_event: 0,
            uncounted_work: 0,
            remembered: None,
            listed: Listed::default(),
            hits: 0,
            is_branch: false,
            failure: String::new(),
            conditions: Conditions::default(),
            watched: Watched::default(),
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

    /// The replay begins behind an event, where the process can be looked at first.
    pub fn begin_behind(&mut self, machine: &mut Machine, index: u64, kind: EventKind, code: u16) {
        self.history.push(Passed {
            index,
            before: 0,
            own_instruction: false,
            is_visible: true,
            kind,
            code,
        });
        self.event = index;
        self.is_active = true;
        self.counted = machine.total_instructions();
        self.stop(machine, Reason::Start, [0; 2]);
        self.stop_if_due(machine);
    }

    /// The replay begins with a snapshot in the middle of the process.
    ///
    /// # Arguments
    /// * `passed` - the records of all events up to there.
    /// * `work` - what is told as the work up to there.
    pub fn begin_in_the_middle(&mut self, machine: &mut Machine, passed: Vec<Passed>, work: u64) {
        self.event = passed.last().map_or(0, |last| last.index);
        self.history = passed;
        self.is_active = true;
        self.counted = machine.total_instructions();
        self.uncounted_work = work;
        self.stop(machine, Reason::Start, [0; 2]);
        self.stop_if_due(machine);
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
        self.hits_since_event = 0;
        self.watched.follow_mappings(machine);
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
        self.pass_event(machine);
        // What is due here anyway needs no second stop.
        let is_target = (self.run.target_event, self.run.target_instructions) == (index, 0);
        if self.run.catch >> (kind as u8) & 1 != 0 && !is_target {
            let detail = [kind as u64, u64::from(header.code)];
            self.hit(machine, Reason::Catch, detail);
        }
        self.stop_if_due(machine);
    }

    /// Now and then a request is looked for.
    fn pass_event(&mut self, machine: &mut Machine) {
        self.events_to_look -= 1;
        let mut is_due = self.events_to_look == 0;
        if self.run.is_native {
            let ticks = ticks::count() - self.ticks;
            self.ticks += ticks;
            self.uncounted_work += WORK_OF_EVENT + WORK_OF_TICK * ticks;
            is_due |= ticks > 0;
        }
        if is_due {
            self.look(machine);
        }
    }

    /// How far the replay has come, as [`StopPoint::work`] says it.
    fn work(&self, machine: &Machine) -> u64 {
        machine.total_instructions() + self.uncounted_work
    }

    /// Whether the way to the next event is to be counted, or looked at.
    pub fn counts(&self) -> bool {
        let is_native = self.run.is_native
            && self.event < self.run.target_event
            && self.run.counted_behind != Some(self.event)
            && self.hits_since_event < MOST_NATIVE_HITS;
        self.is_active && !is_native
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
        // A place that nobody knows is none to stop at.
        if run.most_work != NEVER && machine.counted_since_event().is_some() {
            let rest = run.most_work.saturating_sub(self.work(machine));
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
            self.end_at_many(machine);
        } else {
            self.stop(machine, reason, detail);
        }
    }

    /// A hit was remembered: the client may want to know that there are many.
    fn end_at_many(&mut self, machine: &mut Machine) {
        let Some(begin) = self.run.ends_at_many.filter(|_| self.hits == MANY_HITS) else {
            return;
        };
        // Ticks are added up at events.
        let ticks = match self.run.is_native {
            true => ticks::count() - self.ticks,
            false => 0,
        };
        if self.work(machine) + ticks * WORK_OF_TICK <= begin + WORK_OF_MANY {
            self.stop(machine, Reason::Many, [0; 2]);
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
            instructions: machine.counted_since_event().unwrap_or(UNCOUNTED),
            work: self.work(machine),
            tid: machine.threads.current.unwrap_or(0),
            detail,
        }
    }
}
