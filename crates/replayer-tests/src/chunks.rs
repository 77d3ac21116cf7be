//! Chunks and trace directories.

use std::path::PathBuf;

use reenact_trace::checksum::checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord, CHUNK_MAGIC};

use crate::EventBuilder;

/// The file `events` of a trace being written.
#[derive(Clone, Default)]
pub struct EventFile {
    pub bytes: Vec<u8>,
    next_event: std::collections::BTreeMap<u32, u64>,
}

impl EventFile {
    /// Append a chunk of one process.
    pub fn chunk(&mut self, process: u32, events: &[EventBuilder], compress: bool) -> &mut Self {
        let raw: Vec<u8> = events.iter().flat_map(EventBuilder::bytes).collect();
        let next = self.next_event.entry(process).or_default();
        let header = ChunkHeader {
            process,
            first_event: *next,
            events: events.len() as u32,
            ..ChunkHeader::default()
        };
        *next += events.len() as u64;
        self.append(header, &raw, compress);
        self
    }

    /// Append the word on how a process ended.
    pub fn end(&mut self, process: u32, wait_status: i32) -> &mut Self {
        let next = self.next_event.get(&process).copied().unwrap_or(0);
        let mut content = wait_status.to_le_bytes().to_vec();
        content.extend_from_slice(&0u32.to_le_bytes());
        content.extend_from_slice(&next.to_le_bytes());
        content.extend_from_slice(&0u64.to_le_bytes());
        assert_eq!(content.len(), size_of::<EndRecord>());
        let header = ChunkHeader {
            process,
            first_event: next,
            landmarks: landmark::END,
            ..ChunkHeader::default()
        };
        self.append(header, &content, false);
        self
    }

    fn append(&mut self, header: ChunkHeader, raw: &[u8], compress: bool) {
        let stored = if compress {
            zstd::bulk::compress(raw, 3).expect("compression into memory works")
        } else {
            raw.to_vec()
        };
        self.bytes
            .extend_from_slice(&sealed(header, &stored, raw.len() as u32, compress));
    }

    /// Write the trace directory.
    pub fn write(&self, name: &str) -> PathBuf {
        write_trace(name, &self.bytes)
    }
}

/// A chunk with right checksums.
pub fn sealed(header: ChunkHeader, stored: &[u8], raw: u32, compressed: bool) -> Vec<u8> {
    let header = ChunkHeader {
        magic: CHUNK_MAGIC,
        codec: if compressed { codec::ZSTD } else { codec::RAW },
        stored: stored.len() as u32,
        raw,
        content_checksum: checksum(stored),
        ..header
    }
    .sealed();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(stored);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Write a trace directory with this content of `events`.
pub fn write_trace(name: &str, events: &[u8]) -> PathBuf {
    let directory = std::env::temp_dir()
        .join(format!("reenact-replayer-{}", std::process::id()))
        .join(name);
    std::fs::create_dir_all(directory.join("files")).expect("the test directory is writable");
    std::fs::write(directory.join("events"), events).expect("the test directory is writable");
    directory
}
