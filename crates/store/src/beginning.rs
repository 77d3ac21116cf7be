//! What a log begins with that does not begin with its process: as events that people and programs can read, without what
//! memory holds.

use std::sync::Arc;

use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::event::MAX_EVENT_SIZE;
use reenact_trace::{Attachment, EventHeader, EventKind, Events, Tag};

use crate::error::StoreError;
use crate::log::Log;

/// The records: `Data`, then one of kind `Snapshot`; or the `ProcessStart` alone, where an image follows.
pub(crate) fn records(log: &Log, process: u32) -> Result<Arc<[u8]>, StoreError> {
    let mut summary = Summary::default();
    let mut start = None;
    for place in log.beginning_of(process) {
        let damaged = || StoreError::DamagedChunk {
            process,
            first_event: place.header.first_event,
            offset: place.offset,
        };
        let content = log.content(place)?;
        for event in Events::new(&content) {
            let event = event.map_err(|_| damaged())?;
            match event.kind {
                EventKind::ProcessStart => start = Some(*event.header),
                EventKind::Data => event.attachments().for_each(|one| summary.add(&one)),
                EventKind::Snapshot => {
                    event.attachments().for_each(|one| summary.add(&one));
                    summary.end(EventKind::Snapshot, event.header);
                    return Ok(summary.records.into());
                }
                _ => return Err(damaged()),
            }
        }
    }
    if let Some(start) = start {
        summary.end(EventKind::ProcessStart, &start);
    }
    Ok(summary.records.into())
}

#[derive(Default)]
struct Summary {
    records: Vec<u8>,
    /// Attachments of the record at hand.
    body: Vec<u8>,
    attachments: u32,
}

impl Summary {
    fn add(&mut self, one: &Attachment<'_>) {
        if one.tag == Tag::Write {
            return;
        }
        let size = AttachmentHeader::total_size(one.payload.len());
        if EventHeader::SIZE + self.body.len() + size > MAX_EVENT_SIZE {
            self.end(EventKind::Data, &EventHeader::default());
        }
        let header = AttachmentHeader {
            tag: one.tag as u16,
            flags: one.flags,
            length: one.payload.len() as u32,
            address: one.address,
        };
        self.body.extend_from_slice(header.as_bytes());
        self.body.extend_from_slice(one.payload);
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        self.attachments += 1;
    }

    fn end(&mut self, kind: EventKind, header: &EventHeader) {
        let header = EventHeader {
            size: (EventHeader::SIZE + self.body.len()) as u32,
            kind: kind as u8,
            attachments: self.attachments,
            ..*header
        };
        self.records.extend_from_slice(header.as_bytes());
        self.records.append(&mut self.body);
        self.attachments = 0;
    }
}
