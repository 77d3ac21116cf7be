//! Which snapshots are taken while a process is replayed, and a replay that begins with one.
//!
//! They are appended to a file that the replayer was given (`--snapshots`), by all processes of the replay. One that cannot
//! be taken or written is left out: nothing depends on it.

use linux_raw_sys::general::SEEK_HOLE;
use reenact_trace::{EventHeader, EventKind};

use super::restoring::{places, restore};
use super::saving::{obstacle, save, Behind};
use crate::chunk_index::ProcessChunks;
use crate::error::ReplayError;
use crate::json::Line;
use crate::machine::Machine;
use crate::options::Options;
use crate::report;
use crate::system;

/// When the next one is due.
pub struct Snapshots {
    file: i32,
    /// Nanoseconds between two; 0: none by time.
    interval: u64,
    /// Behind each event with such an index; 0: none.
    every: u64,
    /// Most bytes of the file.
    most: u64,
    next: u64,
    has_failed: bool,
}

impl Snapshots {
    /// As the options say; `None`: none are taken.
    pub fn new(options: &Options) -> Option<Snapshots> {
        let wanted = options.snapshot_interval > 0 || options.snapshot_events > 0;
        Some(Snapshots {
            file: options.snapshots.filter(|_| wanted)?,
            interval: options.snapshot_interval,
            every: options.snapshot_events,
            most: options.most_snapshots,
            next: system::monotonic_ns() + options.snapshot_interval,
            has_failed: false,
        })
    }

    /// An event is done: take one, if it is due.
    pub fn event_done(
        &mut self,
        machine: &mut Machine,
        process: u32,
        behind: &Behind,
        counted: bool,
    ) {
        if !self.is_due(behind.index) || obstacle(machine).is_some() {
            return;
        }
        let Some(interval) = self.interval_now() else {
            self.has_failed = true;
            note(format_args!(
                "no more snapshots: there is no room for more of them"
            ));
            return;
        };
        let begun = system::monotonic_ns();
        match save(machine, self.file, process, behind, counted) {
            Ok((state, bytes)) => {
                let now = system::monotonic_ns();
                // They take no more than a tenth of the time.
                self.next = now + interval.max(10 * (now - begun));
                let mut line = Line::new("snapshot");
                line.number("process", process.into())
                    .number("event", behind.index)
                    .hexadecimal("state", state)
                    .number("bytes", bytes);
                report::send(&mut line);
            }
            Err(error) => {
                self.has_failed = true;
                note(format_args!(
                    "no more snapshots: they cannot be written (error {})",
                    error.0
                ));
            }
        }
    }

    /// How long it is to the next one: the less room there is, the longer. `None`: there is no room.
    fn interval_now(&self) -> Option<u64> {
        let written = system::seek(self.file, 0, SEEK_HOLE.into()).unwrap_or(0);
        let mut left = self.most.checked_sub(written).filter(|&left| left > 0)?;
        let mut interval = self.interval;
        while left < self.most / 2 && interval < u64::MAX / 20 {
            left *= 2;
            interval *= 2;
        }
        Some(interval)
    }

    fn is_due(&mut self, index: u64) -> bool {
        if self.has_failed {
            return false;
        }
        if self.every > 0 && index.is_multiple_of(self.every) {
            return true;
        }
        self.interval > 0 && system::monotonic_ns() >= self.next
    }
}

fn note(message: core::fmt::Arguments<'_>) {
    let mut line = report::line("note");
    line.display("message", message);
    report::send(&mut line);
}

/// Begin behind an event, with a snapshot of the file that the options name; what is known of the event.
pub fn begin(
    machine: &mut Machine,
    options: &Options,
    process: u32,
    event: u64,
) -> Result<Behind, ReplayError> {
    let bad = ReplayError::BadEvent("there is no file of snapshots");
    let file = options.snapshots.ok_or(bad)?;
    // It has no holes: where the first one would be is its end.
    let size = system::seek(file, 0, SEEK_HOLE.into()).map_err(|_| bad)?;
    let found = places(file, size, process, event)?;
    let last = restore(machine, file, &found)?.last;
    let last = last.ok_or(ReplayError::BadEvent("there is no snapshot"))?;
    behind(&last, event)
}

/// Begin as a log does that does not begin with its process: how that has started, and what is known of the event.
pub fn begin_log(
    machine: &mut Machine,
    file: i32,
    log: &ProcessChunks,
) -> Result<(EventHeader, Behind), ReplayError> {
    let bad = ReplayError::BadEvent("a log that begins with nothing");
    let event = log.begins_behind().ok_or(bad)?;
    let beginning = restore(machine, file, &log.beginning)?;
    let start = beginning.start.ok_or(bad)?;
    let behind = match beginning.last {
        Some(last) => behind(&last, event)?,
        None => Behind {
            index: event,
            kind: EventKind::ProcessStart,
            code: start.code,
            result: start.result,
            time: start.time,
        },
    };
    Ok((start, behind))
}

fn behind(last: &EventHeader, event: u64) -> Result<Behind, ReplayError> {
    let kind = EventKind::from_u8(last.args[0] as u8);
    Ok(Behind {
        index: event,
        kind: kind.ok_or(ReplayError::BadEvent("a snapshot behind no event"))?,
        code: last.code,
        result: last.result,
        time: last.time,
    })
}
