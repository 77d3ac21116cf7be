//! What the log of an attached process begins with, before its snapshot: how it starts, and which program runs.

use std::os::unix::ffi::OsStrExt;

use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::chunk::landmark;
use reenact_trace::event::start;
use reenact_trace::{EventHeader, EventKind, Tag};

use super::target::Target;
use crate::chunk_maker::Batch;
use crate::machine;

/// The process and the event behind which the snapshot is that its log begins with: the recorder logs three, which say nothing
/// that the snapshot has not.
pub const PLACE: (u32, u64) = (0, 2);
/// Longest text that is kept.
const MOST: usize = 128 << 10;

/// The chunk. `into`: where it is put together.
pub fn of<'a>(target: &Target, into: &'a mut Vec<u8>) -> Batch<'a> {
    let pid = target.pid() as u32;
    let parent = target.status("PPid").parse().unwrap_or(0);
    let mut start = header(pid, EventKind::ProcessStart);
    start.code = start::ATTACHED;
    start.args = [u64::from(u32::MAX), 0, u64::from(pid), parent, 0, 0];
    into.extend_from_slice(start.as_bytes());
    let link = |name| std::fs::read_link(target.path(name)).unwrap_or_default();
    let file = |name| target.read(name).unwrap_or_default();
    let told = [
        (Tag::Path, 0, link("exe").as_os_str().as_bytes().to_vec()),
        (Tag::Path, 1, link("cwd").as_os_str().as_bytes().to_vec()),
        (Tag::Argv, 0, file("cmdline")),
        (Tag::Envp, 0, file("environ")),
        (Tag::Auxv, target.heap_start(), file("auxv")),
    ];
    let events = 1 + told.len() as u32;
    for (tag, address, mut payload) in told {
        payload.truncate(MOST);
        let attachment = AttachmentHeader {
            tag: tag as u16,
            flags: 0,
            length: payload.len() as u32,
            address,
        };
        let mut event = header(pid, EventKind::Data);
        event.attachments = 1;
        event.size += AttachmentHeader::total_size(payload.len()) as u32;
        into.extend_from_slice(event.as_bytes());
        into.extend_from_slice(attachment.as_bytes());
        into.extend_from_slice(&payload);
        into.resize(into.len().next_multiple_of(8), 0);
    }
    let (process, first_event) = PLACE;
    Batch {
        process,
        first_event,
        events,
        landmarks: landmark::BEGINNING | landmark::PROCESS_START,
        bytes: into,
    }
}

fn header(pid: u32, kind: EventKind) -> EventHeader {
    EventHeader {
        size: EventHeader::SIZE as u32,
        kind: kind as u8,
        tid: pid,
        time: machine::time_stamp(),
        ..EventHeader::default()
    }
}
