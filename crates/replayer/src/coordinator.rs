//! The first process of a replay: indexes the trace, starts the processes that start from
//! nothing, waits for all, reports the end.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;

use reenact_trace::event::start;
use reenact_trace::{EventHeader, EventKind};

use crate::children;
use crate::chunk_index::ChunkIndex;
use crate::engine::{Engine, Session};
use crate::error::ReplayError;
use crate::exit_status;
use crate::feed::Feed;
use crate::jobs;
use crate::json::Line;
use crate::machine::Machine;
use crate::options::Options;
use crate::report;
use crate::shared_objects;
use crate::snapshot;
use crate::system;
use crate::trace_directory::StoredFile;
use crate::turns::{self, Turn};

/// Replay what the options ask for; the exit status.
pub fn run(options: Options, events: StoredFile, machine: Machine) -> u8 {
    let index = match ChunkIndex::scan(events.descriptor, events.size) {
        Ok(index) => index,
        Err(error) => {
            report::error(
                format_args!("the event file cannot be read (error {})", error.0),
                "check the disk the trace is on",
            );
            return exit_status::TRACE;
        }
    };
    announce(&index);
    let numbers: Vec<u32> = index.processes.keys().copied().collect();
    let target = options.process;
    if target.is_some() {
        shared_objects::set_alone();
    }
    let mut session = Session {
        options,
        index,
        events: events.descriptor,
        numbers,
        path: Vec::new(),
        cuts: BTreeMap::new(),
    };
    if session.numbers.is_empty() {
        report::error(
            "the trace holds no events",
            "nothing was recorded, or all of it is damaged",
        );
        return finish(exit_status::TRACE);
    }
    if let Some(file) = session
        .options
        .snapshots
        .filter(|_| session.options.segments)
    {
        match snapshot::cuts(file) {
            Ok(cuts) => session.cuts = cuts,
            Err(error) => {
                report::replay_error(error);
                return finish(exit_status::TRACE);
            }
        }
    }
    begin_turns(&session);
    match target {
        Some(process) if session.options.from_event.is_some() => {
            let event = session.options.from_event;
            let exit_status = replay(Rc::new(session), machine, process, event);
            finish(exit_status)
        }
        Some(process) => one(&mut session, process).map_or_else(
            |error| {
                report::replay_error(error);
                finish(exit_status::TRACE)
            },
            |origin| {
                let exit_status = replay(Rc::new(session), machine, origin, None);
                finish(exit_status)
            },
        ),
        None => all(session, machine),
    }
}

/// Where logs begin in a turn among processes that share memory, nothing is kept of the turns before the first of them.
fn begin_turns(session: &Session) {
    let mut first: BTreeMap<u64, u64> = BTreeMap::new();
    for log in session.index.processes.values() {
        if let Some((group, number)) = snapshot::turn(session.events, &log.beginning) {
            let least = first.entry(group).or_insert(number);
            *least = number.min(*least);
        }
    }
    for (group, number) in first {
        let group = group as usize;
        turns::begin_with(Turn { group, number });
    }
}

fn announce(index: &ChunkIndex) {
    let mut line = Line::new("start");
    line.number("version", 1)
        .number("chunks", index.chunks)
        .number("damaged_chunks", index.damaged)
        .number("processes", index.processes.len() as u64)
        .number(
            "events",
            index.processes.values().map(|process| process.events).sum(),
        );
    report::send(&mut line);
}

/// Whether the log of a process begins with a state that it needs no ancestor for.
fn begins_by_itself(session: &Session, process: u32) -> bool {
    let log = session.chunks(process);
    log.is_some_and(|chunks| !chunks.beginning.is_empty())
}

/// The first event of a process.
fn first_event(session: &Session, process: u32) -> Result<EventHeader, ReplayError> {
    let chunks = session
        .chunks(process)
        .ok_or(ReplayError::ProcessMissing(process))?;
    let first = chunks.chunks.iter().take(1).copied().collect();
    let mut feed = Feed::new(session.events, first);
    let group = feed.peek()?.ok_or(ReplayError::ProcessMissing(process))?;
    if group.event.kind != EventKind::ProcessStart {
        return Err(ReplayError::BadEvent("a log must begin with ProcessStart"));
    }
    Ok(*group.event.header)
}

/// Find the way to one process: the ancestor that starts from nothing, or whose log begins by itself.
fn one(session: &mut Session, process: u32) -> Result<u32, ReplayError> {
    let mut at = process;
    while session.path.len() <= session.numbers.len() {
        if begins_by_itself(session, at) {
            return Ok(at);
        }
        let header = first_event(session, at)?;
        if header.code != start::FORK {
            return Ok(at);
        }
        session.path.push(at);
        at = header.args[0] as u32;
    }
    Err(ReplayError::BadEvent("a process is its own ancestor"))
}

/// # Arguments
/// * `event` - begin with the snapshot behind it.
fn replay(session: Rc<Session>, machine: Machine, process: u32, event: Option<u64>) -> u8 {
    let mut engine = match Engine::new(session, machine, process) {
        Ok(engine) => engine,
        Err(error) => {
            report::replay_error(error);
            return exit_status::TRACE;
        }
    };
    let begun = match event {
        Some(event) => engine.begin_behind(event),
        None => engine.begin(),
    };
    if let Err(error) = begun {
        report::replay_error(error);
        return exit_status::TRACE;
    }
    let exit_status = engine.run();
    if exit_status == 0 && engine.missed_target() {
        report::error(
            "the log of an ancestor ends before the fork that leads to this process",
            "the trace is incomplete; replay the ancestor instead",
        );
        return exit_status::TRACE;
    }
    exit_status
}

/// Replay all processes, each in one of its own, or each of their segments.
fn all(session: Session, machine: Machine) -> u8 {
    let session = Rc::new(session);
    let mut machine = Some(machine);
    jobs::process_added();
    for &process in &session.numbers {
        let log = session.chunks(process);
        if process != 0 && log.is_some_and(|chunks| chunks.events == 0) {
            // There is nothing of it but that it was: its parent's replay says so, if it comes to it.
            continue;
        }
        if !begins_by_itself(&session, process) {
            match first_event(&session, process) {
                Ok(header) if header.code == start::FORK => continue,
                Ok(_) => {}
                Err(error) => {
                    report::set_process(process);
                    report::replay_error(error);
                    report::clear_process();
                    jobs::note_status(exit_status::TRACE);
                    continue;
                }
            }
        }
        begin(&session, &mut machine, process, None);
    }
    for &process in &session.numbers {
        for cut in session.cuts_behind(process, None) {
            begin(&session, &mut machine, process, Some(cut.event));
        }
    }
    jobs::process_ended();
    children::reap(true);
    for (place, &process) in session.numbers.iter().enumerate() {
        if jobs::has_started(place) {
            continue;
        }
        let readable = match first_event(&session, process) {
            Ok(_) | Err(ReplayError::ProcessMissing(_)) => true,
            Err(_) => false,
        };
        if readable {
            unreachable(process);
        }
    }
    finish(0)
}

/// Have a process forked that replays one from its start, or from a snapshot on.
fn begin(session: &Rc<Session>, machine: &mut Option<Machine>, process: u32, event: Option<u64>) {
    children::wait_for_slot();
    jobs::process_added();
    match system::fork() {
        Ok(0) => {
            if let Some(machine) = machine.take() {
                let exit_status = replay(Rc::clone(session), machine, process, event);
                jobs::abandon(exit_status);
            }
            system::exit(0);
        }
        Ok(_) => children::reap(false),
        Err(error) => {
            report::replay_error(ReplayError::ForkRefused(error.0));
            jobs::abandon(exit_status::INTERNAL);
        }
    }
}

/// A process that could not be replayed because its parent's replay ended before the fork.
fn unreachable(process: u32) {
    let mut line = Line::new("process");
    line.number("process", u64::from(process))
        .number("events", 0)
        .number("instructions", 0)
        .text("end", "unreachable")
        .optional("status", None::<u64>);
    report::send(&mut line);
}

/// The `end` line; the exit status of everything.
fn finish(exit_status: u8) -> u8 {
    jobs::note_status(exit_status);
    let (exit_status, processes, divergences, errors) = jobs::totals();
    let mut line = Line::new("end");
    line.number("processes", u64::from(processes))
        .number("divergences", u64::from(divergences))
        .number("errors", u64::from(errors))
        .number("status", u64::from(exit_status));
    report::send(&mut line);
    exit_status
}
