//! Reading the events of one process, chunk by chunk.

use std::sync::Arc;

use reenact_trace::{Event, EventIndex};

use crate::beginning;
use crate::error::StoreError;
use crate::log::Log;

/// An event and the chunk it lies in.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub index: EventIndex,
    chunk: Arc<[u8]>,
    offset: usize,
}

impl StoredEvent {
    /// The event; parsed again at every call, which costs next to nothing.
    pub fn event(&self) -> Event<'_> {
        Event::parse(&self.chunk[self.offset..]).expect("it was parsed when it was read")
    }
}

/// Iterates over the events `start..stop` of a process. After an error it goes on behind
/// the damage. What a log begins with that does not begin with its process has the index of the event that it is behind.
pub struct EventReader {
    log: Arc<Log>,
    process: u32,
    /// Position in the process's list of chunks.
    chunk: usize,
    content: Option<Arc<[u8]>>,
    offset: usize,
    /// Index of the event at `offset`.
    index: u64,
    start: u64,
    stop: u64,
    /// The event that the log begins behind, while that is to come.
    beginning: Option<u64>,
}

impl EventReader {
    /// Events `start..stop` of a process.
    ///
    /// # Errors
    /// When the trace has no such process.
    pub fn new(
        log: Arc<Log>,
        process: u32,
        start: u64,
        stop: u64,
    ) -> Result<EventReader, StoreError> {
        if !log.has_process(process) {
            return Err(StoreError::NoSuchProcess { process });
        }
        let begins = log.begins_behind(process);
        let beginning = begins.filter(|event| (start..stop).contains(event));
        let start = begins.map_or(start, |event| start.max(event + 1));
        let chunks = log.chunks_of(process);
        // The chunk that holds `start`, or the first one after it.
        let chunk = chunks.partition_point(|place| place.end_event() <= start);
        let index = chunks
            .get(chunk)
            .map_or(start, |place| place.header.first_event.min(start));
        Ok(EventReader {
            log,
            process,
            chunk,
            content: None,
            offset: 0,
            index,
            start,
            stop,
            beginning,
        })
    }

    /// The next record of what the log begins with.
    fn next_of_beginning(&mut self) -> Option<Result<StoredEvent, StoreError>> {
        let event = self.beginning?;
        let content = match self.content.clone() {
            Some(content) => content,
            None => match beginning::records(&self.log, self.process) {
                Ok(content) => content,
                Err(error) => {
                    self.beginning = None;
                    return Some(Err(error));
                }
            },
        };
        let offset = self.offset;
        let Ok(record) = Event::parse(&content[offset..]) else {
            // All of it has been read.
            (self.beginning, self.content, self.offset) = (None, None, 0);
            return None;
        };
        self.offset += record.header.size as usize;
        self.content = Some(content.clone());
        Some(Ok(StoredEvent {
            index: EventIndex(event),
            chunk: content,
            offset,
        }))
    }

    fn open_chunk(&mut self) -> Option<Result<Arc<[u8]>, StoreError>> {
        let place = self.log.chunks_of(self.process).get(self.chunk)?;
        let found = place.header.first_event;
        if found > self.index {
            let expected = self.index.max(self.start);
            self.index = found;
            if found > expected {
                return Some(Err(StoreError::Gap {
                    process: self.process,
                    expected,
                    found,
                }));
            }
        }
        self.index = found;
        self.offset = 0;
        Some(self.log.content(place))
    }

    fn leave_chunk(&mut self) {
        self.content = None;
        if let Some(place) = self.log.chunks_of(self.process).get(self.chunk) {
            self.index = place.end_event();
        }
        self.chunk += 1;
    }
}

impl Iterator for EventReader {
    type Item = Result<StoredEvent, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(found) = self.next_of_beginning() {
            return Some(found);
        }
        loop {
            if self.index >= self.stop {
                return None;
            }
            let content = match self.content.clone() {
                Some(content) => content,
                None => match self.open_chunk()? {
                    Ok(content) => {
                        self.content = Some(content.clone());
                        content
                    }
                    Err(error) => {
                        if !matches!(error, StoreError::Gap { .. }) {
                            self.leave_chunk();
                        }
                        return Some(Err(error));
                    }
                },
            };
            let place = self.log.chunks_of(self.process)[self.chunk];
            if self.index >= place.end_event() {
                self.leave_chunk();
                continue;
            }
            let Ok(event) = Event::parse(&content[self.offset..]) else {
                let error = StoreError::DamagedChunk {
                    process: self.process,
                    first_event: self.index,
                    offset: place.offset,
                };
                self.leave_chunk();
                return Some(Err(error));
            };
            let offset = self.offset;
            let index = self.index;
            self.offset += event.header.size as usize;
            self.index += 1;
            if index >= self.start {
                return Some(Ok(StoredEvent {
                    index: EventIndex(index),
                    chunk: content,
                    offset,
                }));
            }
        }
    }
}
