//! The replay of one process: event after event until its log ends.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use reenact_trace::event::start;
use reenact_trace::{EventHeader, EventKind};

use crate::children;
use crate::chunk_index::{ChunkIndex, ProcessChunks};
use crate::divergence::{Divergence, Failure, Found, What};
use crate::end::End;
use crate::error::ReplayError;
use crate::exit_status;
use crate::feed::Feed;
use crate::jobs;
use crate::json::Line;
use crate::known_landings::Landings;
use crate::logged_history;
use crate::machine::Machine;
use crate::options::Options;
use crate::output;
use crate::pace::Pace;
use crate::report;
use crate::shared_changes::SharedChanges;
use crate::snapshot::{self, Behind, Cut, Snapshots};
use crate::step::{self, Step};
use crate::system;
use crate::turns::{HeldTurns, Turn};

/// What all replaying processes share (by fork).
pub struct Session {
    pub options: Options,
    pub index: ChunkIndex,
    pub events: i32,
    /// Process numbers in order; the place in here is the place in the job table.
    pub numbers: Vec<u32>,
    /// With `--process`: the forked processes on the way to it, the next one last.
    pub path: Vec<u32>,
    /// Where the processes are cut into segments.
    pub cuts: BTreeMap<u32, Vec<Cut>>,
}

impl Session {
    fn place(&self, process: u32) -> Option<usize> {
        self.numbers.binary_search(&process).ok()
    }

    /// The cuts of a process behind an event, or all of them, that leave something of its log.
    pub fn cuts_behind(&self, process: u32, event: Option<u64>) -> impl Iterator<Item = Cut> + '_ {
        let log = self.chunks(process);
        let last = log.map_or(0, |chunks| chunks.events);
        let first = log.and_then(ProcessChunks::begins_behind).max(event);
        let cuts = self.cuts.get(&process).into_iter().flatten().copied();
        cuts.filter(move |cut| Some(cut.event) > first && cut.event.saturating_add(1) < last)
    }

    /// The log of a process.
    pub fn chunks(&self, process: u32) -> Option<&ProcessChunks> {
        self.index.processes.get(&process)
    }
}

/// The replay of one process.
pub struct Engine {
    session: Rc<Session>,
    machine: Machine,
    feed: Feed,
    pace: Pace,
    process: u32,
    /// Processes still to become, the next one last.
    path: Vec<u32>,
    start: EventHeader,
    /// The last event that took effect.
    last: Option<Behind>,
    /// Turns of sharing groups that this process has.
    turns: HeldTurns,
    shared_changes: Option<SharedChanges>,
    snapshots: Option<Snapshots>,
    /// It begins with a snapshot: not all of its instructions are counted.
    is_part: bool,
    /// Where the segment ends; `None`: with the log.
    until: Option<Cut>,
}

impl Engine {
    /// An engine for a process that starts from nothing.
    pub fn new(
        session: Rc<Session>,
        machine: Machine,
        process: u32,
    ) -> Result<Engine, ReplayError> {
        let chunks = session
            .chunks(process)
            .ok_or(ReplayError::ProcessMissing(process))?;
        let landings = Landings::new(session.options.landings, process);
        let mut pace = Pace::new(&session.options, landings);
        pace.total_events = chunks.events;
        let feed = Feed::new(session.events, chunks.chunks.clone());
        let until = session.cuts_behind(process, None).next();
        let mut engine = Engine {
            path: session.path.clone(),
            machine,
            feed,
            pace,
            process,
            start: EventHeader::default(),
            last: None,
            turns: HeldTurns::default(),
            shared_changes: session.options.shared_changes.map(SharedChanges::new),
            snapshots: Snapshots::new(&session.options),
            is_part: false,
            until,
            session,
        };
        engine.announce();
        Ok(engine)
    }

    /// Begin as the log of the process does.
    pub fn begin(&mut self) -> Result<(), ReplayError> {
        let session = Rc::clone(&self.session);
        let log = session.chunks(self.process);
        let Some(log) = log.filter(|log| !log.beginning.is_empty()) else {
            return Ok(());
        };
        let turn = snapshot::turn(session.events, &log.beginning);
        let is_alone = session.options.process.is_some();
        if let Some((group, number)) = turn {
            let group = group as usize;
            let is_told = self.shared_changes.is_some();
            // What others have left in the memory that it shares is in the snapshot: theirs first.
            if !self
                .turns
                .begin(Turn { group, number }, false, is_alone, is_told)
            {
                return Err(ReplayError::BadEvent("a turn which never comes"));
            }
        }
        let (start, behind) = snapshot::begin_log(&mut self.machine, session.events, log)?;
        self.start = start;
        if let (Some(changes), Some(_)) = (&mut self.shared_changes, turn) {
            if is_alone {
                changes.begin_behind(self.process, behind.index);
            } else {
                self.machine.memory.follow_writes();
                changes.note_turn(self.process, behind.index);
            }
        }
        self.pace.begin_behind(behind.time);
        self.last = Some(behind);
        self.feed.begin_behind(behind.index)?;
        if self.path.is_empty() && behind.kind != EventKind::ProcessStart {
            self.serve_beginning(&behind)?;
        }
        Ok(())
    }

    /// A client may look at the state that the log begins with.
    fn serve_beginning(&mut self, behind: &Behind) -> Result<(), ReplayError> {
        let Some(control) = &mut self.pace.control else {
            return Ok(());
        };
        if let Some(next) = self.feed.peek()? {
            step::switch_early(&mut self.machine, &next);
        }
        control.begin_behind(&mut self.machine, behind.index, behind.kind, behind.code);
        Ok(())
    }

    /// Begin with the snapshot behind an event, in the place of a process that starts from nothing.
    pub fn begin_behind(&mut self, event: u64) -> Result<(), ReplayError> {
        let options = &self.session.options;
        if let Some(group) = self.feed.peek()? {
            if group.event.kind == EventKind::ProcessStart {
                self.start = *group.event.header;
            }
        }
        let behind = snapshot::begin(&mut self.machine, options, self.process, event)?;
        self.pace.begin_behind(behind.time);
        self.last = Some(behind);
        self.is_part = true;
        if self.session.options.segments {
            self.until = self.session.cuts_behind(self.process, Some(event)).next();
            report::set_segment(event);
        }
        if self.pace.control.is_some() {
            return self.serve_middle(&behind);
        }
        self.feed.begin_behind(event)?;
        Ok(())
    }

    /// A client may look at the state of the snapshot, as if the replay had come there.
    fn serve_middle(&mut self, behind: &Behind) -> Result<(), ReplayError> {
        let mut passed = logged_history::passed_up_to(&mut self.feed, behind.index)?;
        let last = passed.last_mut();
        let last = last.filter(|last| last.index == behind.index);
        let last = last.ok_or(ReplayError::Snapshots("one is behind no event"))?;
        let next = self.feed.peek()?;
        if behind.kind == EventKind::Fault {
            step::restore_flags(&mut self.machine, next.as_ref());
        }
        last.is_visible |= next.is_some_and(|next| step::switch_early(&mut self.machine, &next));
        if let Some(control) = &mut self.pace.control {
            control.begin_in_the_middle(&mut self.machine, passed, self.session.options.work);
        }
        Ok(())
    }

    /// Whether this process is only on the way to the one asked for.
    fn is_on_the_way(&self) -> bool {
        !self.path.is_empty()
    }

    fn announce(&mut self) {
        report::set_process(self.process);
        self.machine.memory.set_process(self.process);
        if let Some(place) = self.session.place(self.process) {
            jobs::note_started(place);
        }
    }

    /// Replay to the end, report, and return the exit status.
    pub fn run(&mut self) -> u8 {
        let end = self.events();
        if self.pace.control.is_some() {
            self.serve_end(&end);
        }
        let end = end.unwrap_or_else(|failure| match failure {
            Failure::Divergence(divergence) => {
                divergence.report();
                End::Divergence
            }
            Failure::Replay(error) => {
                report::replay_error(error);
                End::Error
            }
        });
        if !matches!(
            end,
            End::Divergence | End::Error | End::Asked | End::Segment | End::Unreachable
        ) {
            let is_alone = self.session.options.process.is_some();
            if let Some(changes) = self.shared_changes.as_ref().filter(|_| !is_alone) {
                changes.note(&mut self.machine.memory, self.process);
            }
            self.turns.finish();
        }
        let mut line = Line::new("process");
        line.number("process", u64::from(self.process));
        if let Some(event) = report::segment() {
            line.number("segment", event);
        }
        line.optional(
            "parent",
            (self.start.code != start::ROOT).then_some(self.start.args[0]),
        )
        .number("pid", self.start.args[2])
        .number("events", self.last.map_or(0, |last| last.index + 1))
        .optional("instructions", self.counted_instructions())
        .text("end", end.name())
        .optional("status", end.status())
        .number("mappings", self.machine.memory.table.len() as u64)
        .number("landings", self.pace.landings.passed)
        .number("searched", self.pace.landings.searched);
        if end == End::Asked && self.session.options.snapshots.is_some() {
            line.hexadecimal("state", self.state().unwrap_or(0));
        }
        if let Some(tally) = self.pace.native {
            line.object("native", |line| tally.report(line));
        }
        report::send(&mut line);
        match end {
            End::Divergence => exit_status::DIVERGENCE,
            End::Error => exit_status::TRACE,
            _ => 0,
        }
    }

    /// Instructions of the process, where all of them were counted.
    fn counted_instructions(&self) -> Option<u64> {
        self.machine.counted_total().filter(|_| !self.is_part)
    }

    /// The checksum that a snapshot would have here; `None`: there can be none.
    fn state(&mut self) -> Option<u64> {
        let behind = self.last?;
        if snapshot::obstacle(&self.machine).is_some() {
            return None;
        }
        snapshot::state(&mut self.machine, self.process, &behind).ok()
    }

    /// The segment is over: whether it ends in the state that the next one begins with.
    fn end_segment(&mut self, cut: Cut) -> Result<End, Failure> {
        let state = self.state();
        if state == Some(cut.state) && self.last.is_some_and(|last| last.index == cut.event) {
            return Ok(End::Segment);
        }
        let begin = report::segment().map_or_else(
            || String::from("its start"),
            |event| alloc::format!("event {event}"),
        );
        let message = alloc::format!(
            "the segment of process {} from {begin} to event {} ends in another state than the snapshot \
             there has",
            self.process,
            cut.event
        );
        let registers = *self.machine.registers();
        Err(Failure::Divergence(Box::new(Divergence {
            what: What::State,
            message,
            expected: EventHeader {
                register_checksum: cut.state,
                ..EventHeader::default()
            },
            expected_index: cut.event,
            found: Found {
                kind: "snapshot",
                ip: registers.rip,
                checksum: state.unwrap_or(0),
                ..Found::default()
            },
            registers,
            tid: self.machine.threads.current.unwrap_or(0),
            instructions: self.machine.counted_since_event(),
            range: None,
        })))
    }

    /// A client may still want to look, and to go back.
    fn serve_end(&mut self, end: &Result<End, Failure>) {
        if !self.path.is_empty() {
            return;
        }
        let failure = match end {
            Ok(_) => None,
            Err(Failure::Divergence(divergence)) => Some(divergence.message.clone()),
            Err(Failure::Replay(error)) => Some(alloc::format!("{error}; {}", error.hint())),
        };
        if let Some(control) = &mut self.pace.control {
            if control.is_active() {
                control.at_end(&mut self.machine, failure);
            }
        }
    }

    // A frame of its own: by its return the programs in tests/hostile take over, before anything is reported.
    #[inline(never)]
    fn events(&mut self) -> Result<End, Failure> {
        loop {
            let Some(group) = self.feed.peek().map_err(ReplayError::from)? else {
                return Ok(self.end_of_log());
            };
            let options = &self.session.options;
            if !self.path.is_empty() {
                // On the way: not yet the process asked for.
            } else if group.index > options.stop_event {
                return Ok(End::Asked);
            }
            if let Some(cut) = self.until.filter(|cut| group.index > cut.event) {
                return self.end_segment(cut);
            }
            if self.last.is_none() {
                if group.event.kind != EventKind::ProcessStart {
                    return Err(ReplayError::BadEvent("a log must begin with ProcessStart").into());
                }
                self.start = *group.event.header;
            }
            let header = &group.event.header;
            if group.event.kind == EventKind::Turn {
                let [sharing_group, number, keeps, ..] = header.args;
                let turn = Turn {
                    group: sharing_group as usize,
                    number,
                };
                let (is_alone, index) = (options.process.is_some(), group.index);
                if let Some(changes) = self.shared_changes.as_ref().filter(|_| !is_alone) {
                    changes.note(&mut self.machine.memory, self.process);
                }
                let is_told = self.shared_changes.is_some();
                if !self.turns.begin(turn, keeps != 0, is_alone, is_told) {
                    return self.without_turn();
                }
                match &mut self.shared_changes {
                    None => {}
                    Some(changes) if is_alone => {
                        changes.apply(&mut self.machine, &mut self.pace, self.process, index)?;
                    }
                    Some(changes) => {
                        self.machine.memory.follow_writes();
                        changes.note_turn(self.process, index);
                    }
                }
            }
            let step = step::perform(&mut self.machine, &group, &mut self.pace)?;
            let header = &group.event.header;
            report::set_event(group.index);
            self.last = Some(Behind {
                index: group.index,
                kind: group.event.kind,
                code: header.code,
                result: header.result,
                time: header.time,
            });
            if let (Some(descriptor), true) = (options.output, self.path.is_empty()) {
                output::send(descriptor, self.process, &group, &self.machine.memory);
            }
            if options.trace_events {
                trace(
                    &self.machine,
                    self.process,
                    group.index,
                    header,
                    group.event.kind,
                );
            }
            self.pace.event_done(&mut self.machine, header.time);
            let has_client = self.path.is_empty() && self.pace.control.is_some();
            let told = has_client.then_some((group.index, group.event.kind, **header));
            self.feed.advance();
            if self.path.is_empty() {
                self.take_snapshot();
            }
            if let Some((index, kind, header)) = told {
                self.tell_client(index, kind, &header)?;
            }
            match step {
                Step::Next => {}
                Step::Exited(exit_status) => return Ok(End::Exit(exit_status)),
                Step::Stopped => return Ok(End::Stopped),
                Step::Fork { process, child } => self.fork(process, *child)?,
            }
        }
    }

    /// An event is done: take a snapshot, if one is due.
    fn take_snapshot(&mut self) {
        let (Some(snapshots), Some(last)) = (&mut self.snapshots, self.last) else {
            return;
        };
        if !self.turns.is_any() {
            let counted = !self.is_part && self.machine.counted_total().is_some();
            snapshots.event_done(&mut self.machine, self.process, &last, counted);
        }
    }

    /// An event is done: let a client look, with the thread that goes on.
    fn tell_client(
        &mut self,
        index: u64,
        kind: EventKind,
        header: &EventHeader,
    ) -> Result<(), Failure> {
        let Engine {
            feed,
            machine,
            pace,
            ..
        } = self;
        let next = feed.peek().map_err(ReplayError::from)?;
        if kind == EventKind::Fault {
            step::restore_flags(machine, next.as_ref());
        }
        let switched = next.is_some_and(|group| step::switch_early(machine, &group));
        if let Some(control) = &mut pace.control {
            control.event_done(machine, index, kind, header, switched);
        }
        Ok(())
    }

    /// Why the log ends here.
    fn end_of_log(&self) -> End {
        let chunks = self.session.chunks(self.process);
        let end = chunks
            .filter(|chunks| !chunks.gap)
            .and_then(|chunks| chunks.end);
        match (end, self.last) {
            (Some(end), _) if end.reason == 0 && end.wait_status >= 0 => {
                let signal = i64::from(end.wait_status & 0x7f);
                if signal == 0 {
                    End::Exit(i64::from(end.wait_status >> 8 & 0xff))
                } else {
                    End::Signal(signal)
                }
            }
            (Some(end), _) if end.reason == 1 => End::Stopped,
            (
                _,
                Some(Behind {
                    kind: EventKind::Fault,
                    code,
                    ..
                }),
            ) => End::Signal(i64::from(code)),
            // It killed itself.
            (
                _,
                Some(Behind {
                    kind: EventKind::Exit,
                    result,
                    ..
                }),
            ) => End::Signal(result),
            (Some(end), _) if end.reason == 0 => End::Ended,
            _ => End::Cut,
        }
    }

    /// The program forked: continue as the child, as the parent, or in both.
    fn fork(&mut self, process: u32, child: reenact_trace::Registers) -> Result<(), Failure> {
        if self.session.options.process.is_some() {
            if self.path.last() == Some(&process) {
                self.path.pop();
                return self.become_child(process, child);
            }
            return Ok(());
        }
        let log = self.session.chunks(process);
        if log.is_some_and(|chunks| !chunks.beginning.is_empty()) {
            // It is replayed from there.
            return Ok(());
        }
        if log.is_none_or(|chunks| chunks.events == 0) {
            self.report_missing(process);
            return Ok(());
        }
        let has_slot = jobs::try_acquire();
        jobs::process_added();
        match system::fork() {
            Ok(0) => self.become_child(process, child),
            Ok(_) => {
                children::reap(false);
                if !has_slot {
                    // The child took ours.
                    children::wait_for_slot();
                }
                Ok(())
            }
            Err(error) => {
                jobs::process_ended();
                Err(ReplayError::ForkRefused(error.0).into())
            }
        }
    }

    /// A child was forked and there is nothing of its log: the trace was cut before. The parent goes
    /// on.
    fn report_missing(&self, process: u32) {
        if let Some(place) = self.session.place(process) {
            jobs::note_started(place);
        }
        let mut line = Line::new("process");
        line.number("process", u64::from(process))
            .number("parent", u64::from(self.process))
            .optional("pid", self.last.map(|last| last.result))
            .number("events", 0)
            .number("instructions", 0)
            .text("end", End::Cut.name())
            .optional("status", None::<u64>);
        report::send(&mut line);
    }

    /// What it means that a turn never comes.
    fn without_turn(&self) -> Result<End, Failure> {
        let (worst, ..) = jobs::totals();
        if worst != 0 {
            return Ok(End::Unreachable);
        }
        let is_whole =
            |chunks: &ProcessChunks| !chunks.gap && chunks.end.is_some_and(|end| end.reason == 0);
        if self.session.index.processes.values().all(is_whole) {
            let message = "a turn among processes that share memory which never comes";
            return Err(ReplayError::BadEvent(message).into());
        }
        Ok(End::Cut)
    }

    fn become_child(
        &mut self,
        process: u32,
        child: reenact_trace::Registers,
    ) -> Result<(), Failure> {
        let session = Rc::clone(&self.session);
        let chunks = session
            .chunks(process)
            .ok_or(ReplayError::ProcessMissing(process))?;
        self.process = process;
        self.until = session.cuts_behind(process, None).next();
        self.is_part = false;
        self.pace.begin_process(process);
        self.last = None;
        if let Some(control) = &mut self.pace.control {
            control.begin_process();
        }
        // Those are the parent's.
        self.turns.forget();
        self.feed = Feed::new(session.events, chunks.chunks.clone());
        self.pace.total_events = chunks.events;
        self.announce();
        let first = self.feed.peek().map_err(ReplayError::from)?;
        let Some(first) = first else { return Ok(()) };
        if first.event.header.code != start::FORK {
            return Err(ReplayError::BadEvent("the log of a forked child starts otherwise").into());
        }
        self.machine
            .become_child(first.event.header.tid, child)
            .map_err(Failure::from)
    }

    /// Whether the process asked for was never reached.
    pub fn missed_target(&self) -> bool {
        self.is_on_the_way()
    }
}

fn trace(machine: &Machine, process: u32, index: u64, header: &EventHeader, kind: EventKind) {
    let mut line = Line::new("trace");
    line.number("process", u64::from(process))
        .number("event", index)
        .text("kind", kind.name())
        .number("code", u64::from(header.code))
        .number("tid", u64::from(header.tid))
        .hexadecimal("ip", header.ip)
        .signed("result", header.result)
        .optional("instructions", machine.counted_total());
    report::send(&mut line);
}
