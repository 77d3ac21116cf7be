//! What is told of a process whose log begins later: how it started, and which programs it runs.

use std::collections::VecDeque;
use std::sync::Arc;

use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::chunk::landmark;
use reenact_trace::event::{start, MAX_EVENT_SIZE};
use reenact_trace::snapshot::turn_of_word;
use reenact_trace::{Attachment, Event, EventHeader, EventKind, Events, Tag};

use crate::chunk_maker::Batch;

/// The attachments of a program that are told.
const TOLD: [Tag; 4] = [Tag::Path, Tag::Argv, Tag::Envp, Tag::Auxv];

/// A program that a process executes.
#[derive(Clone, Default)]
pub(super) struct Image {
    /// The event with which it begins; 0: it was forked with it.
    pub(super) event: u64,
    /// The first record that belongs to that event.
    pub(super) first_record: u64,
    /// `Data` records with what is told of it, and how many.
    pub(super) records: Arc<[u8]>,
    pub(super) count: u32,
}

/// Of one process.
#[derive(Default)]
pub(super) struct Identity {
    pub(super) start: EventHeader,
    images: VecDeque<Image>,
    /// What may be told of a program whose event is still to come, and the first record of that event.
    pending: Vec<u8>,
    pending_count: u32,
    first_record: Option<u64>,
    /// Its first turn among processes that share memory, as far as its log is kept.
    pub(super) first_turn: Option<TurnBegun>,
}

/// A turn among processes that share memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnBegun {
    /// The event with which it begins.
    pub(super) event: u64,
    pub(super) group: u64,
    pub(super) number: u64,
}

/// The turn that the process had of which a chunk holds the end of a snapshot.
pub(super) fn turn_in(batch: &Batch<'_>) -> Option<(u64, u64)> {
    let mut records = Events::new(batch.bytes).map_while(Result::ok);
    let last = records.find(|record| record.kind == EventKind::Snapshot)?;
    let [.., word] = last.header.args;
    turn_of_word(word)
}

/// The process, and its event, that forked the one whose log begins with a batch.
pub(super) fn fork_of(batch: &Batch<'_>) -> Option<(u32, u64)> {
    if batch.first_event != 0 || batch.landmarks & landmark::PROCESS_START == 0 {
        return None;
    }
    let header = Event::parse(batch.bytes).ok()?.header;
    forked(header)
}

fn forked(header: &EventHeader) -> Option<(u32, u64)> {
    let is_fork = header.code == start::FORK;
    is_fork.then_some((header.args[0] as u32, header.args[1]))
}

impl Identity {
    /// The process, and its event, that forked this one.
    pub(super) fn fork(&self) -> Option<(u32, u64)> {
        forked(&self.start)
    }

    /// The program that runs behind an event.
    pub(super) fn image_at(&self, event: u64) -> Option<&Image> {
        self.images.iter().rev().find(|image| image.event <= event)
    }

    /// The program that was executed last, by the process itself.
    pub(super) fn last_executed(&self) -> Option<&Image> {
        self.images.back().filter(|image| image.event > 0)
    }

    /// The log begins behind an event, in a turn if it is in one.
    pub(super) fn begin_in_turn(&mut self, turn: Option<(u64, u64)>, event: u64) {
        let known = self.first_turn.filter(|first| first.event > event);
        let held = turn.map(|(group, number)| TurnBegun {
            event,
            group,
            number,
        });
        self.first_turn = held.or(known);
    }

    /// Forget programs that ended before an event.
    pub(super) fn forget_before(&mut self, event: u64) {
        while self.images.get(1).is_some_and(|next| next.event <= event) {
            self.images.pop_front();
        }
    }

    /// The path of the program that runs last.
    pub(super) fn program(&self) -> String {
        let image = self.images.back();
        let records = image.map_or(&[][..], |image| &image.records);
        let attachments = Events::new(records)
            .map_while(Result::ok)
            .flat_map(|event| event.attachments());
        let path = attachments
            .filter(|one| one.tag == Tag::Path && one.address == 0)
            .map(|one| String::from_utf8_lossy(one.payload).into_owned())
            .next();
        path.unwrap_or_default()
    }

    /// Of a process that ran already when it was recorded: how it starts and its program, as events.
    pub(super) fn begin_attached(&mut self, batch: &Batch<'_>) {
        for event in Events::new(batch.bytes).map_while(Result::ok) {
            match event.kind {
                EventKind::ProcessStart => self.start = *event.header,
                _ => event.attachments().for_each(|one| self.add(&one)),
            }
        }
        self.end_image(0);
    }

    /// Events have come.
    pub(super) fn note(&mut self, batch: &Batch<'_>, inherited: Option<Image>) {
        if let Some(image) = inherited {
            self.images.push_back(Image {
                event: 0,
                first_record: 0,
                ..image
            });
        }
        for (index, event) in (batch.first_event..).zip(Events::new(batch.bytes)) {
            let Ok(event) = event else { return };
            match event.kind {
                EventKind::Data => {
                    self.first_record.get_or_insert(index);
                    event.attachments().for_each(|one| self.add(&one));
                    continue;
                }
                EventKind::ImageBegin => {
                    event.attachments().for_each(|one| self.add(&one));
                    self.end_image(index);
                }
                EventKind::ProcessStart => self.start = *event.header,
                EventKind::Turn => {
                    let [group, number, ..] = event.header.args;
                    self.first_turn.get_or_insert(TurnBegun {
                        event: index,
                        group,
                        number,
                    });
                }
                _ => {}
            }
            self.first_record = None;
            self.pending.clear();
            self.pending_count = 0;
        }
    }

    /// Each in a record of its own: they are few, and none is larger than one can be.
    fn add(&mut self, one: &Attachment<'_>) {
        let size = EventHeader::SIZE + AttachmentHeader::total_size(one.payload.len());
        if !TOLD.contains(&one.tag) || size > MAX_EVENT_SIZE {
            return;
        }
        let record = EventHeader {
            size: size as u32,
            kind: EventKind::Data as u8,
            attachments: 1,
            ..EventHeader::default()
        };
        let header = AttachmentHeader {
            tag: one.tag as u16,
            flags: one.flags,
            length: one.payload.len() as u32,
            address: one.address,
        };
        self.pending.extend_from_slice(record.as_bytes());
        self.pending.extend_from_slice(header.as_bytes());
        self.pending.extend_from_slice(one.payload);
        let end = self.pending.len().next_multiple_of(8);
        self.pending.resize(end, 0);
        self.pending_count += 1;
    }

    fn end_image(&mut self, event: u64) {
        self.images.push_back(Image {
            event,
            first_record: self.first_record.unwrap_or(event),
            records: self.pending.as_slice().into(),
            count: self.pending_count,
        });
    }
}
