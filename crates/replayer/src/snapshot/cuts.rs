//! Where a file of snapshots cuts the logs of processes into segments, which are replayed side by side.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use linux_raw_sys::general::SEEK_HOLE;
use reenact_trace::chunk::landmark;
use reenact_trace::chunk_scan::{ChunkScan, Scanned};
use reenact_trace::{EventKind, Events};

use crate::chunk_reader::ChunkReader;
use crate::error::ReplayError;
use crate::feed_error::FeedError;
use crate::system;

/// Bytes read at a time while scanning.
const WINDOW: usize = 64 << 10;

/// A segment ends, and the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Behind this event.
    pub event: u64,
    /// The checksum of the state there.
    pub state: u64,
}

/// The cuts of each process in order, as far as the whole of a file is right.
pub fn cuts(file: i32) -> Result<BTreeMap<u32, Vec<Cut>>, ReplayError> {
    let damaged = ReplayError::Snapshots("some of them are damaged");
    // It has no holes: where the first one would be is its end.
    let size = system::seek(file, 0, SEEK_HOLE.into()).map_err(|_| FeedError::Unreadable)?;
    let mut window = vec![0; WINDOW];
    let mut scan = ChunkScan::new(&mut window, size);
    let mut read = |offset: u64, buffer: &mut [u8]| system::read_at(file, buffer, offset);
    let mut reader = ChunkReader::new(file);
    let mut found: BTreeMap<u32, Vec<Cut>> = BTreeMap::new();
    while let Some(scanned) = scan.next(&mut read).map_err(|_| FeedError::Unreadable)? {
        let Scanned::Chunk(place) = scanned else {
            return Err(damaged);
        };
        if place.header.landmarks & landmark::SNAPSHOT == 0 {
            continue;
        }
        reader.read(&place).map_err(|_| damaged)?;
        let last = Events::new(reader.raw()).map_while(Result::ok).last();
        let last = last.filter(|last| last.kind == EventKind::Snapshot);
        found.entry(place.header.process).or_default().push(Cut {
            event: place.header.first_event,
            state: last.ok_or(damaged)?.header.register_checksum,
        });
    }
    if scan.is_cut() {
        return Err(damaged);
    }
    for cuts in found.values_mut() {
        cuts.sort_by_key(|cut| cut.event);
        cuts.dedup_by_key(|cut| cut.event);
    }
    Ok(found)
}
