//! What a trace knows about each process, from the chunks with landmarks.

use reenact_trace::chunk::{landmark, EndRecord};
use reenact_trace::chunk_scan::ChunkPlace;
use reenact_trace::{Attachment, Event, EventKind, Events, Tag};

use crate::log::Log;

/// A program that ran in a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Index of its `ImageBegin` event.
    pub event: u64,
    /// The program as resolved.
    pub path: Vec<u8>,
    /// Working directory at its start.
    pub directory: Vec<u8>,
    pub argv: Vec<Vec<u8>>,
}

/// A recorded process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    pub number: u32,
    pub pid: u32,
    pub ppid: u32,
    /// Number of the process that made it; `None` for the root, or when its start is lost.
    pub parent: Option<u32>,
    /// The parent's event that made it.
    pub parent_event: u64,
    /// A constant of [`reenact_trace::event::start`].
    pub start: u16,
    pub images: Vec<Image>,
    /// What the last event says of its end, as a wait status; `None`: nothing, or nobody asked.
    pub ending: Option<i32>,
    /// What the supervisor learned of its end; `None` in a trace that was cut off.
    pub end: Option<EndRecord>,
    /// Events in the log, and those before it.
    pub events: u64,
    /// The event behind which the log begins; `None`: it begins with the process.
    pub begins_behind: Option<u64>,
    /// Time-stamp counter at its first event.
    pub first_time: u64,
    /// Bytes of its log, decompressed.
    pub log_bytes: u64,
}

impl Process {
    /// Status as `wait4` gives it, `None` when nobody knows.
    pub fn wait_status(&self) -> Option<i32> {
        let end = self.end?;
        match self.ending.filter(|_| end.reason == 0) {
            // Recordings had the signal that a process sends to itself as an exit status once.
            Some(signal) if signal & 0x7f != 0 && end.wait_status & 0x7f == 0 => Some(signal),
            ending if end.wait_status == -1 => ending,
            _ => Some(end.wait_status),
        }
    }
}

const WANTED: u8 = landmark::PROCESS_START | landmark::IMAGE | landmark::EXIT;

pub(crate) fn describe(log: &Log, number: u32) -> Process {
    let chunks = log.chunks_of(number);
    let mut process = Process {
        number,
        end: log.end(number),
        begins_behind: log.begins_behind(number),
        ..Process::default()
    };
    let begin = process.begins_behind.map_or(0, |event| event + 1);
    process.events = begin;
    note_beginning(log, &mut process);
    for (position, place) in chunks.iter().enumerate() {
        process.events += place.end_event() - place.header.first_event.max(begin);
        process.log_bytes += u64::from(place.header.raw);
        let is_last = position + 1 == chunks.len();
        let is_asked = is_last && process.end.is_some_and(|end| end.wait_status == -1);
        if place.header.landmarks & WANTED == 0 && !is_asked {
            continue;
        }
        let Ok(content) = log.content(place) else {
            continue; // Reading its events will tell.
        };
        let mut data = Vec::new();
        for (index, event) in (place.header.first_event..).zip(Events::new(&content)) {
            let Ok(event) = event else { break };
            if event.kind == EventKind::Data {
                data.push(event);
                continue;
            }
            if is_last && event.kind != EventKind::Note {
                process.ending = event.wait_status();
            }
            if index < begin {
                data.clear();
                continue;
            }
            note(&mut process, index, &event, &data);
            data.clear();
            let at_start = process.images.last().is_some_and(|image| {
                image.event == index && image.argv.is_empty() && event.kind == EventKind::ImageBegin
            });
            if at_start && position > 0 {
                complete_image(log, &chunks[..position], &mut process);
            }
        }
    }
    process
}

/// What the first chunk says of a process whose log begins later: how it started, and what program it runs.
fn note_beginning(log: &Log, process: &mut Process) {
    let Some(first) = log.beginning_of(process.number).first() else {
        return;
    };
    let index = first.header.first_event;
    process.log_bytes += u64::from(first.header.raw);
    let Ok(content) = log.content(first) else {
        return;
    };
    let mut image = Image {
        event: index,
        ..Image::default()
    };
    for event in Events::new(&content).map_while(Result::ok) {
        match event.kind {
            EventKind::ProcessStart => note(process, index, &event, &[]),
            EventKind::Data => event.attachments().for_each(|one| fill(&mut image, &one)),
            _ => break,
        }
    }
    if image
        != (Image {
            event: index,
            ..Image::default()
        })
    {
        process.images.push(image);
    }
}

fn note(process: &mut Process, index: u64, event: &Event<'_>, data: &[Event<'_>]) {
    let header = &event.header;
    match event.kind {
        EventKind::ProcessStart => {
            process.parent = u32::try_from(header.args[0])
                .ok()
                .filter(|&p| p != u32::MAX);
            process.parent_event = header.args[1];
            process.pid = header.args[2] as u32;
            process.ppid = header.args[3] as u32;
            process.start = header.code;
            process.first_time = header.time;
        }
        EventKind::ImageBegin => {
            let mut image = Image {
                event: index,
                ..Image::default()
            };
            for event in data.iter().chain([event]) {
                event
                    .attachments()
                    .for_each(|attachment| fill(&mut image, &attachment));
            }
            process.images.push(image);
        }
        _ => {}
    }
}

fn fill(image: &mut Image, attachment: &Attachment<'_>) {
    match (attachment.tag, attachment.address) {
        (Tag::Path, 0) => image.path = attachment.payload.to_vec(),
        (Tag::Path, 1) => image.directory = attachment.payload.to_vec(),
        (Tag::Argv, _) => {
            let bytes = attachment.payload;
            let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
            image.argv = bytes.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
        }
        _ => {}
    }
}

/// The attachments of an image may have begun in `Data` events of the chunks before.
fn complete_image(log: &Log, before: &[ChunkPlace], process: &mut Process) {
    let Some(image) = process.images.last_mut() else {
        return;
    };
    for place in before.iter().rev() {
        let Ok(content) = log.content(place) else {
            return;
        };
        let events: Vec<Event<'_>> = Events::new(&content).map_while(Result::ok).collect();
        let data = events
            .iter()
            .rev()
            .take_while(|event| event.kind == EventKind::Data)
            .count();
        for event in &events[events.len() - data..] {
            event
                .attachments()
                .for_each(|attachment| fill(image, &attachment));
        }
        if data < events.len() {
            return;
        }
    }
}
