//! Cutting published bytes into chunks at event boundaries. Pure.

use reenact_trace::chunk::landmark;
use reenact_trace::{Event, EventHeader, EventKind, Tag};

/// What a prefix of published bytes holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the whole events.
    pub length: usize,
    pub events: u32,
    /// [`landmark`] bits.
    pub landmarks: u8,
    /// What the last event says of the process' end, as a wait status; outer `None`: there is no
    /// event that could.
    pub ending: Option<Option<i32>>,
    /// Texts of `Note` events with their code.
    pub notes: Vec<(u16, String)>,
    /// The bytes after `length` are not an event, though they should be.
    pub damaged: bool,
}

/// Walk the events in `bytes`; the last one may be cut off.
pub fn cut(bytes: &[u8]) -> Cut {
    let mut cut = Cut::default();
    loop {
        let rest = &bytes[cut.length..];
        let Some(head) = rest.get(..EventHeader::SIZE) else {
            return cut;
        };
        let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = EventKind::from_u8(head[4]);
        if size < EventHeader::SIZE
            || !size.is_multiple_of(8)
            || size > reenact_trace::event::MAX_EVENT_SIZE
            || kind.is_none()
        {
            cut.damaged = true;
            return cut;
        }
        if size > rest.len() {
            return cut;
        }
        match kind {
            Some(EventKind::ProcessStart) => cut.landmarks |= landmark::PROCESS_START,
            Some(EventKind::ImageBegin | EventKind::ImageReady) => {
                cut.landmarks |= landmark::IMAGE;
            }
            Some(EventKind::Exit) => {
                cut.landmarks |= landmark::EXIT;
            }
            Some(EventKind::Snapshot) => cut.landmarks |= landmark::SNAPSHOT,
            Some(EventKind::Note | EventKind::RecordingEnd) => {
                cut.landmarks |= landmark::NOTE;
                if let Ok(event) = Event::parse(rest) {
                    let text = event.find(Tag::Text).map_or(&[][..], |text| text.payload);
                    let text = String::from_utf8_lossy(text).into_owned();
                    cut.notes.push((event.header.code, text));
                }
            }
            _ => {}
        }
        if !matches!(kind, Some(EventKind::Data | EventKind::Note)) {
            cut.ending = Some(
                Event::parse(rest)
                    .ok()
                    .and_then(|event| event.wait_status()),
            );
        }
        cut.length += size;
        cut.events += 1;
    }
}
