//! The file `events` of a trace: where its chunks are, and their content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use reenact_trace::checksum::Checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord};
use reenact_trace::chunk_scan::{ChunkPlace, ChunkScan, Scanned};
use reenact_trace::Events;

use crate::error::StoreError;

/// Decompressed chunks kept.
const CACHED: usize = 8;
/// Headers are read through a window of this size: the chunks of short processes are small.
const WINDOW: usize = 256 << 10;

/// An opened log.
pub struct Log {
    file: File,
    length: u64,
    is_cut: bool,
    damaged: Vec<(u64, u64)>,
    /// Of all headers, in the order of the file.
    headers: Checksum,
    /// Chunks with events, by process and first event.
    chunks: BTreeMap<u32, Vec<ChunkPlace>>,
    ends: BTreeMap<u32, EndRecord>,
    /// What logs begin with that do not begin with their process.
    beginnings: BTreeMap<u32, Vec<ChunkPlace>>,
    cache: Mutex<Vec<(u64, Arc<[u8]>)>>,
}

impl Log {
    /// Scan the headers of a log.
    pub(crate) fn open(file: File) -> io::Result<Log> {
        let length = file.metadata()?.len();
        let mut log = Log {
            file,
            length,
            is_cut: false,
            damaged: Vec::new(),
            headers: Checksum::default(),
            chunks: BTreeMap::new(),
            ends: BTreeMap::new(),
            beginnings: BTreeMap::new(),
            cache: Mutex::new(Vec::new()),
        };
        let mut window = vec![0; WINDOW];
        let mut scan = ChunkScan::new(&mut window, length);
        let file = log.file.try_clone()?;
        let mut read = |offset: u64, buffer: &mut [u8]| file.read_at(buffer, offset);
        while let Some(found) = scan.next(&mut read)? {
            match found {
                Scanned::Chunk(place) => log.add(place),
                Scanned::Damage { start, end } => log.damaged.push((start, end)),
            }
        }
        log.is_cut = scan.is_cut();
        for (process, chunks) in &mut log.chunks {
            chunks.sort_by_key(|place| place.header.first_event);
            if let Some(beginning) = log.beginnings.get_mut(process) {
                let event = beginning[0].header.first_event;
                beginning.retain(|place| place.header.first_event == event);
                chunks.retain(|place| place.end_event() > event + 1);
            }
        }
        Ok(log)
    }

    fn add(&mut self, place: ChunkPlace) {
        let process = place.header.process;
        self.headers.add(place.header.as_bytes());
        if place.header.landmarks & landmark::END != 0 {
            let content = self.content(&place).ok();
            if let Some(end) = content.as_deref().and_then(EndRecord::parse) {
                self.ends.insert(process, end);
            }
        }
        let chunks = self.chunks.entry(process).or_default();
        if place.header.landmarks & landmark::BEGINNING != 0 {
            self.beginnings.entry(process).or_default().push(place);
            return;
        }
        if place.header.landmarks & landmark::END == 0 && place.header.events > 0 {
            chunks.push(place);
        }
    }

    /// A number that another log does not have: of the headers of the chunks, which have the checksums of what is in them.
    pub fn identity(&self) -> u64 {
        self.headers.clone().finish()
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether it ends inside a chunk, or processes have no recorded end.
    pub fn is_cut(&self) -> bool {
        self.is_cut
            || self
                .chunks
                .keys()
                .any(|process| !self.ends.contains_key(process))
    }

    /// Byte ranges that are unreadable.
    pub fn damaged(&self) -> &[(u64, u64)] {
        &self.damaged
    }

    /// Numbers of all processes.
    pub fn processes(&self) -> impl Iterator<Item = u32> + '_ {
        self.chunks.keys().copied()
    }

    pub fn has_process(&self, process: u32) -> bool {
        self.chunks.contains_key(&process)
    }

    /// How a process ended, as far as the recording knows.
    pub fn end(&self, process: u32) -> Option<EndRecord> {
        self.ends.get(&process).copied()
    }

    /// What the log of a process begins with, in order; empty where it begins with the process.
    pub fn beginning_of(&self, process: u32) -> &[ChunkPlace] {
        self.beginnings.get(&process).map_or(&[], Vec::as_slice)
    }

    /// The event behind which the log of a process begins; `None`: it begins with the process.
    pub fn begins_behind(&self, process: u32) -> Option<u64> {
        let first = self.beginning_of(process).first()?;
        Some(first.header.first_event)
    }

    /// The chunks of a process that hold events, in order. The first one may begin before the log does.
    pub fn chunks_of(&self, process: u32) -> &[ChunkPlace] {
        self.chunks.get(&process).map_or(&[], Vec::as_slice)
    }

    /// When the log was written last, nanoseconds since the epoch, and the time-stamp counter of its
    /// last event.
    pub(crate) fn last_moment(&self) -> Option<(u64, u64)> {
        let written = self.file.metadata().ok()?.modified().ok()?;
        let written = written.duration_since(std::time::UNIX_EPOCH).ok()?;
        let last = self.chunks.values().filter_map(|chunks| chunks.last());
        let last = last.max_by_key(|place| place.offset)?;
        let content = self.content(last).ok()?;
        let event = Events::new(&content).map_while(Result::ok).last()?;
        Some((written.as_nanos() as u64, event.header.time))
    }

    /// Content of a chunk, decompressed.
    pub fn content(&self, place: &ChunkPlace) -> Result<Arc<[u8]>, StoreError> {
        if let Ok(cache) = self.cache.lock() {
            if let Some((_, content)) = cache.iter().find(|(offset, _)| *offset == place.offset) {
                return Ok(content.clone());
            }
        }
        let content = self.read_content(place)?;
        if let Ok(mut cache) = self.cache.lock() {
            if cache.len() >= CACHED {
                cache.remove(0);
            }
            cache.push((place.offset, content.clone()));
        }
        Ok(content)
    }

    fn read_content(&self, place: &ChunkPlace) -> Result<Arc<[u8]>, StoreError> {
        let damaged = || StoreError::DamagedChunk {
            process: place.header.process,
            first_event: place.header.first_event,
            offset: place.offset,
        };
        let mut stored = vec![0; ChunkHeader::SIZE + place.header.stored as usize];
        self.file
            .read_exact_at(&mut stored, place.offset)
            .map_err(|_| damaged())?;
        let content = place.header.content(&stored).map_err(|_| damaged())?;
        let content: Arc<[u8]> = match place.header.codec {
            codec::RAW => content.into(),
            codec::ZSTD => zstd::bulk::decompress(content, place.header.raw as usize)
                .map_err(|_| damaged())?
                .into(),
            _ => return Err(damaged()),
        };
        if content.len() == place.header.raw as usize {
            Ok(content)
        } else {
            Err(damaged())
        }
    }
}
