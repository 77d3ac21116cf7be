//! The event feed of one process: chunks are read and decompressed one at a time; an event is
//! handed out together with the `Data` records before it.

use alloc::vec::Vec;

use reenact_trace::attachment::Attachment;
use reenact_trace::chunk_scan::ChunkPlace;
use reenact_trace::{Event, EventKind};

use crate::chunk_reader::ChunkReader;
use crate::feed_error::FeedError;

/// Most bytes of `Data` records that may precede one event.
const MOST_DATA: usize = 8 << 30;

/// The feed.
pub struct Feed {
    places: Vec<ChunkPlace>,
    next_chunk: usize,
    reader: ChunkReader,
    /// Offset in the chunk at hand, behind the loaded group.
    offset: usize,
    /// Index of the record at `offset`.
    next_index: u64,
    /// Records of a group that spans chunks.
    spill: Vec<u8>,
    loaded: Option<Loaded>,
}

#[derive(Clone, Copy)]
struct Loaded {
    /// Whether the records are in `spill` instead of the chunk at hand.
    spilled: bool,
    start: usize,
    main: usize,
    end: usize,
    index: u64,
}

/// An event and the `Data` records that belong to it.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    pub event: Event<'a>,
    /// Index of `event`.
    pub index: u64,
    data: &'a [u8],
}

impl<'a> Group<'a> {
    /// All attachments: those of the `Data` records first.
    pub fn attachments(&self) -> impl Iterator<Item = Attachment<'a>> {
        let event = self.event;
        reenact_trace::Events::new(self.data)
            .filter_map(Result::ok)
            .flat_map(|data| data.attachments())
            .chain(event.attachments())
    }

    /// The first attachment with this tag.
    pub fn find(&self, tag: reenact_trace::Tag) -> Option<Attachment<'a>> {
        self.attachments().find(|attachment| attachment.tag == tag)
    }
}

impl Feed {
    /// A feed over the chunks at `places`, which are in order and without gaps.
    pub fn new(events: i32, places: Vec<ChunkPlace>) -> Feed {
        Feed {
            places,
            next_chunk: 0,
            reader: ChunkReader::new(events),
            offset: 0,
            next_index: 0,
            spill: Vec::new(),
            loaded: None,
        }
    }

    /// Begin behind the event with this index, or at the end of the log if that has none so far on.
    pub fn begin_behind(&mut self, index: u64) -> Result<(), FeedError> {
        let has_it = |place: &ChunkPlace| place.header.first_event <= index;
        let first = self.places.partition_point(has_it).saturating_sub(1);
        self.next_chunk = first;
        self.next_index = self
            .places
            .get(first)
            .map_or(0, |place| place.header.first_event);
        self.offset = self.reader.raw().len();
        self.loaded = None;
        while self.peek()?.is_some_and(|group| group.index <= index) {
            self.advance();
        }
        Ok(())
    }

    /// The next event; `None` at the end of the log. Stays the same until [`Feed::advance`].
    // In its caller: a group that is handed on by memory would have to be read as it has just been written, piece by piece.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Option<Group<'_>>, FeedError> {
        if self.loaded.is_none() {
            self.load()?;
        }
        let Some(loaded) = &self.loaded else {
            return Ok(None);
        };
        let bytes = if loaded.spilled {
            &self.spill[..]
        } else {
            self.reader.raw()
        };
        let event =
            Event::parse(&bytes[loaded.main..loaded.end]).map_err(|_| FeedError::EventDamaged)?;
        Ok(Some(Group {
            event,
            index: loaded.index,
            data: &bytes[loaded.start..loaded.main],
        }))
    }

    /// Go on to the event after the one [`Feed::peek`] gives.
    pub fn advance(&mut self) {
        self.loaded = None;
    }

    /// Find the next event, if there is one.
    fn load(&mut self) -> Result<(), FeedError> {
        self.spill.clear();
        let mut spilled = false;
        let mut start = self.offset;
        loop {
            if self.offset == self.reader.raw().len() {
                let unfinished = &self.reader.raw()[start..];
                if !unfinished.is_empty() || spilled {
                    if self.spill.len() + unfinished.len() > MOST_DATA {
                        return Err(FeedError::TooMuchData);
                    }
                    self.spill.extend_from_slice(unfinished);
                    spilled = true;
                }
                if !self.next_chunk()? {
                    return Ok(());
                }
                start = 0;
            }
            let event = Event::parse(&self.reader.raw()[self.offset..])
                .map_err(|_| FeedError::EventDamaged)?;
            if event.attachments().count() != event.header.attachments as usize {
                return Err(FeedError::EventDamaged);
            }
            let record = self.offset;
            let (size, kind) = (event.header.size as usize, event.kind);
            self.offset += size;
            self.next_index += 1;
            if kind == EventKind::Data {
                continue;
            }
            let index = self.next_index - 1;
            if !spilled {
                self.loaded = Some(Loaded {
                    spilled,
                    start,
                    main: record,
                    end: self.offset,
                    index,
                });
                return Ok(());
            }
            self.spill
                .extend_from_slice(&self.reader.raw()[start..self.offset]);
            let end = self.spill.len();
            self.loaded = Some(Loaded {
                spilled,
                start: 0,
                main: end - size,
                end,
                index,
            });
            return Ok(());
        }
    }

    /// Bring the next chunk into `raw`; `false` at the end of the log.
    fn next_chunk(&mut self) -> Result<bool, FeedError> {
        let Some(place) = self.places.get(self.next_chunk) else {
            return Ok(false);
        };
        let header = place.header;
        if header.first_event != self.next_index {
            return Err(FeedError::ChunkDamaged);
        }
        self.next_chunk += 1;
        self.offset = 0;
        self.reader.read(place)?;
        Ok(true)
    }
}
