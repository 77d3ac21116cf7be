//! Where the chunks of each process are in the file `events`.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use reenact_trace::chunk::{landmark, ChunkHeader, EndRecord};
use reenact_trace::chunk_scan::{ChunkPlace, ChunkScan, Scanned};

use crate::system::{self, Errno};

/// All that the file holds of one process.
#[derive(Clone, Debug, Default)]
pub struct ProcessChunks {
    /// What the log begins with, where that is not the start of the process.
    pub beginning: Vec<ChunkPlace>,
    /// In order of their first event, without gaps from where the log begins.
    pub chunks: Vec<ChunkPlace>,
    /// Events up to the end of `chunks`, from the start of the process on.
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
    /// Scan the first `length` bytes of the file. Damaged stretches are skipped and counted.
    pub fn scan(events: i32, length: u64) -> Result<ChunkIndex, Errno> {
        let mut index = ChunkIndex::default();
        let mut window = vec![0; WINDOW];
        let mut scan = ChunkScan::new(&mut window, length);
        let mut read = |offset: u64, buffer: &mut [u8]| system::read_at(events, buffer, offset);
        while let Some(found) = scan.next(&mut read)? {
            match found {
                Scanned::Chunk(place) => index.add(events, place)?,
                Scanned::Damage { .. } => index.damaged += 1,
            }
        }
        index.damaged += u64::from(scan.is_cut());
        for process in index.processes.values_mut() {
            process.order();
        }
        Ok(index)
    }

    fn add(&mut self, events: i32, place: ChunkPlace) -> Result<(), Errno> {
        self.chunks += 1;
        let process = self.processes.entry(place.header.process).or_default();
        if place.header.landmarks & landmark::BEGINNING != 0 {
            process.beginning.push(place);
            return Ok(());
        }
        if place.header.landmarks & landmark::END == 0 {
            if place.header.events > 0 {
                process.chunks.push(place);
            }
            return Ok(());
        }
        let mut stored = vec![0u8; ChunkHeader::SIZE + size_of::<EndRecord>()];
        let length = system::read_at(events, &mut stored, place.offset)?;
        let content = place.header.content(&stored[..length]).ok();
        match content.and_then(EndRecord::parse) {
            Some(end) => process.end = Some(end),
            None => self.damaged += 1,
        }
        Ok(())
    }
}

impl ProcessChunks {
    /// The event behind which the log begins; `None`: with the process.
    pub fn begins_behind(&self) -> Option<u64> {
        self.beginning.first().map(|place| place.header.first_event)
    }

    /// Sort and keep what follows from the beginning without a gap.
    fn order(&mut self) {
        self.chunks.sort_by_key(|place| place.header.first_event);
        let mut expected = 0;
        if let Some(event) = self.begins_behind() {
            self.beginning
                .retain(|place| place.header.first_event == event);
            expected = event + 1;
            self.chunks.retain(|place| place.end_event() > expected);
        }
        let mut good = 0;
        for place in &self.chunks {
            let first = place.header.first_event;
            // What was before the beginning may share a chunk with what is behind it.
            if first > expected || first < expected && good > 0 {
                self.gap = true;
                break;
            }
            expected = place.end_event();
            good += 1;
        }
        self.chunks.truncate(good);
        self.events = expected;
    }
}
