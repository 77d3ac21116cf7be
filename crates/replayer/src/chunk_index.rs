//! Where the chunks of each process are in the file `events`.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use reenact_trace::chunk::{landmark, ChunkError, ChunkHeader, EndRecord, CHUNK_MAGIC};

use crate::system::{self, Errno};

/// A chunk's place.
#[derive(Clone, Copy, Debug)]
pub struct ChunkPlace {
    /// Offset of the chunk header in the file.
    pub offset: u64,
    pub header: ChunkHeader,
}

/// All that the file holds of one process.
#[derive(Clone, Debug, Default)]
pub struct ProcessChunks {
    /// In order of their first event, without gaps from event 0 on.
    pub chunks: Vec<ChunkPlace>,
    /// Events in `chunks`.
    pub events: u64,
    /// How it ended, if the supervisor lived to say so.
    pub end: Option<EndRecord>,
    /// The log goes on behind a gap (damage), which nothing can use.
    pub gap: bool,
}

/// The index of a trace.
#[derive(Default)]
pub struct ChunkIndex {
    pub processes: BTreeMap<u32, ProcessChunks>,
    pub chunks: u64,
    pub damaged: u64,
}

/// Bytes read at a time while scanning.
const WINDOW: usize = 64 << 10;

impl ChunkIndex {
    /// Scan the file. Damaged stretches are skipped and counted.
    pub fn scan(events: i32) -> Result<ChunkIndex, Errno> {
        let mut index = ChunkIndex::default();
        let mut window = Window {
            descriptor: events,
            start: 0,
            bytes: Vec::new(),
        };
        let mut offset = 0u64;
        let mut in_damage = false;
        loop {
            let bytes = window.at(offset)?;
            match ChunkHeader::parse(bytes) {
                Ok(header) => {
                    in_damage = false;
                    let next = offset + header.total_size() as u64;
                    if system::read_at(events, &mut [0u8], next - 1)? == 0 {
                        // The file was cut inside this chunk.
                        index.damaged += 1;
                        break;
                    }
                    index.add(events, ChunkPlace { offset, header })?;
                    offset = next;
                }
                Err(ChunkError::Truncated) => {
                    // A cut tail is normal after a crash.
                    if !bytes.is_empty() && !in_damage && bytes.iter().any(|&byte| byte != 0) {
                        index.damaged += 1;
                    }
                    break;
                }
                Err(_) => {
                    if !in_damage {
                        index.damaged += 1;
                        in_damage = true;
                    }
                    offset += next_candidate(bytes);
                }
            }
        }
        for process in index.processes.values_mut() {
            process.order();
        }
        Ok(index)
    }

    fn add(&mut self, events: i32, place: ChunkPlace) -> Result<(), Errno> {
        self.chunks += 1;
        let process = self.processes.entry(place.header.process).or_default();
        if place.header.landmarks & landmark::END == 0 {
            if place.header.events > 0 {
                process.chunks.push(place);
            }
            return Ok(());
        }
        let mut stored = vec![0u8; ChunkHeader::SIZE + size_of::<EndRecord>()];
        let length = system::read_at(events, &mut stored, place.offset)?;
        let short = place.header.stored as usize != size_of::<EndRecord>();
        match place.header.content(&stored[..length]) {
            Ok(content) if !short => {
                // SAFETY: the length was checked, any bit pattern is valid, unaligned read.
                let end = unsafe { content.as_ptr().cast::<EndRecord>().read_unaligned() };
                process.end = Some(end);
            }
            _ => self.damaged += 1,
        }
        Ok(())
    }
}

impl ProcessChunks {
    /// Sort and keep what follows from event 0 without a gap.
    fn order(&mut self) {
        self.chunks.sort_by_key(|place| place.header.first_event);
        let mut expected = 0;
        let mut good = 0;
        for place in &self.chunks {
            if place.header.first_event != expected {
                self.gap = true;
                break;
            }
            expected += u64::from(place.header.events);
            good += 1;
        }
        self.chunks.truncate(good);
        self.events = expected;
    }
}

/// Bytes to skip to the next place that may be a chunk header.
fn next_candidate(bytes: &[u8]) -> u64 {
    let magic = CHUNK_MAGIC.to_le_bytes();
    let mut at = 8;
    while at + 4 <= bytes.len() {
        if bytes[at..at + 4] == magic {
            return at as u64;
        }
        at += 8;
    }
    (at as u64).min(bytes.len().max(8) as u64 & !7)
}

/// A sliding view of a file.
struct Window {
    descriptor: i32,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Bytes from `offset` on: at least a header, unless the file ends.
    fn at(&mut self, offset: u64) -> Result<&[u8], Errno> {
        let end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + ChunkHeader::SIZE as u64 > end {
            self.bytes.resize(WINDOW, 0);
            let length = system::read_at(self.descriptor, &mut self.bytes, offset)?;
            self.bytes.truncate(length);
            self.start = offset;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }
}
