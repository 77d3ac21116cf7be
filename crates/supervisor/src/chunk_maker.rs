//! Makes chunks: events of one process, compressed, with their header.

use std::io;

use reenact_trace::checksum::checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord, CHUNK_MAGIC};

/// Level 1 keeps up with the programs that log most; the next levels gain a few percent.
const LEVEL: i32 = 1;
/// Chunks shorter than this are not worth compressing.
const COMPRESS_FROM: usize = 512;

/// Events of one process that go into one chunk.
pub struct Batch<'a> {
    pub process: u32,
    pub first_event: u64,
    pub events: u32,
    pub landmarks: u8,
    pub bytes: &'a [u8],
}

/// The compressor, and what it needs.
pub struct ChunkMaker {
    compressor: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    raw_bytes: u64,
}

impl ChunkMaker {
    /// # Errors
    /// Without memory.
    pub fn new() -> io::Result<ChunkMaker> {
        Ok(ChunkMaker {
            compressor: zstd::bulk::Compressor::new(LEVEL)?,
            scratch: Vec::new(),
            raw_bytes: 0,
        })
    }

    /// Bytes of events so far, before compression.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// A chunk.
    pub fn make(&mut self, batch: &Batch<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(batch, &mut out);
        out.shrink_to_fit();
        out
    }

    /// The chunk that says how a process has ended.
    pub fn end(&mut self, process: u32, end: &EndRecord) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of::<EndRecord>());
        bytes.extend_from_slice(&end.wait_status.to_le_bytes());
        bytes.extend_from_slice(&end.reason.to_le_bytes());
        bytes.extend_from_slice(&end.events.to_le_bytes());
        bytes.extend_from_slice(&end.time.to_le_bytes());
        self.make(&Batch {
            process,
            first_event: end.events,
            events: 0,
            landmarks: landmark::END,
            bytes: &bytes,
        })
    }

    /// Append a chunk to others.
    pub fn append(&mut self, batch: &Batch<'_>, out: &mut Vec<u8>) {
        let raw = batch.bytes;
        self.raw_bytes += raw.len() as u64;
        let mut stored = raw;
        let mut how = codec::RAW;
        if raw.len() >= COMPRESS_FROM {
            self.scratch.clear();
            self.scratch
                .reserve(zstd::zstd_safe::compress_bound(raw.len()));
            let shrunk = self.compressor.compress_to_buffer(raw, &mut self.scratch);
            if shrunk.is_ok_and(|length| length < raw.len()) {
                stored = &self.scratch;
                how = codec::ZSTD;
            }
        }
        let header = ChunkHeader {
            magic: CHUNK_MAGIC,
            process: batch.process,
            first_event: batch.first_event,
            events: batch.events,
            codec: how,
            landmarks: batch.landmarks,
            reserved: 0,
            stored: stored.len() as u32,
            raw: raw.len() as u32,
            content_checksum: checksum(stored),
            header_checksum: 0,
        }
        .sealed();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(stored);
        let end = out.len().next_multiple_of(8);
        out.resize(end, 0);
    }
}
