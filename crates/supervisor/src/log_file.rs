//! The file `events` of a trace: chunks appended, whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use reenact_files::create_private;
use reenact_trace::checksum::checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord, CHUNK_MAGIC};

/// Level 1 keeps up with the programs that log most; the next levels gain a few percent.
const LEVEL: i32 = 1;
/// Chunks shorter than this are not worth compressing.
const COMPRESS_FROM: usize = 512;
/// Chunks wait for one another up to this many bytes, to be written by one call.
const WRITE_FROM: usize = 512 << 10;

/// Events of one process that go into one chunk.
pub struct Batch<'a> {
    pub process: u32,
    pub first_event: u64,
    pub events: u32,
    pub landmarks: u8,
    pub bytes: &'a [u8],
}

/// Writer of the log.
pub struct LogFile {
    file: File,
    /// Bytes of the file that are whole chunks.
    written: u64,
    waiting: Vec<u8>,
    compressor: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    raw_bytes: u64,
}

impl LogFile {
    /// Create the file; it must not exist.
    pub fn create(path: &Path) -> io::Result<LogFile> {
        LogFile::with_file(create_private(path)?)
    }

    /// Append to a file that is there.
    pub fn append_to(path: &Path) -> io::Result<LogFile> {
        LogFile::with_file(OpenOptions::new().append(true).open(path)?)
    }

    fn with_file(file: File) -> io::Result<LogFile> {
        Ok(LogFile {
            file,
            written: 0,
            waiting: Vec::with_capacity(2 * WRITE_FROM),
            compressor: zstd::bulk::Compressor::new(LEVEL)?,
            scratch: Vec::new(),
            raw_bytes: 0,
        })
    }

    /// Bytes appended so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Bytes of events before compression.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Append a chunk; it may stay in memory until [`LogFile::flush`].
    pub fn append(&mut self, batch: &Batch<'_>) -> io::Result<()> {
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
        self.waiting.extend_from_slice(header.as_bytes());
        self.waiting.extend_from_slice(stored);
        let end = self.waiting.len().next_multiple_of(8);
        self.waiting.resize(end, 0);
        if self.waiting.len() >= WRITE_FROM {
            self.flush()?;
        }
        Ok(())
    }

    /// Append the chunk that says how a process ended.
    pub fn append_end(&mut self, process: u32, end: &EndRecord) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(size_of::<EndRecord>());
        bytes.extend_from_slice(&end.wait_status.to_le_bytes());
        bytes.extend_from_slice(&end.reason.to_le_bytes());
        bytes.extend_from_slice(&end.events.to_le_bytes());
        bytes.extend_from_slice(&end.time.to_le_bytes());
        self.append(&Batch {
            process,
            first_event: end.events,
            events: 0,
            landmarks: landmark::END,
            bytes: &bytes,
        })
    }

    /// Write what waits.
    ///
    /// # Errors
    /// When the disk is full or fails; the file then ends with the last whole write and
    /// what waited is lost.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let result = self.file.write_all(&self.waiting);
        match result {
            Ok(()) => self.written += self.waiting.len() as u64,
            // A cut tail would be readable too; without it nobody has to wonder.
            Err(_) => drop(self.file.set_len(self.written)),
        }
        self.waiting.clear();
        result
    }
}
