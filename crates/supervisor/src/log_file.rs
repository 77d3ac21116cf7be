//! The file `events` of a trace: chunks appended, whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use reenact_files::create_private;
use reenact_trace::chunk::EndRecord;

use crate::chunk_maker::{Batch, ChunkMaker};

/// Chunks wait for one another up to this many bytes, to be written by one call.
const WRITE_FROM: usize = 512 << 10;

/// Writer of the log.
pub struct LogFile {
    file: File,
    /// Bytes of the file that are whole chunks.
    written: u64,
    waiting: Vec<u8>,
    maker: ChunkMaker,
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
            maker: ChunkMaker::new()?,
        })
    }

    /// Bytes appended so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Bytes of events before compression.
    pub fn raw_bytes(&self) -> u64 {
        self.maker.raw_bytes()
    }

    /// Append a chunk; it may stay in memory until [`LogFile::flush`].
    pub fn append(&mut self, batch: &Batch<'_>) -> io::Result<()> {
        self.maker.append(batch, &mut self.waiting);
        self.write_if_many()
    }

    /// Append the chunk that says how a process ended.
    pub fn append_end(&mut self, process: u32, end: &EndRecord) -> io::Result<()> {
        let chunk = self.maker.end(process, end);
        self.waiting.extend_from_slice(&chunk);
        self.write_if_many()
    }

    fn write_if_many(&mut self) -> io::Result<()> {
        if self.waiting.len() >= WRITE_FROM {
            self.flush()?;
        }
        Ok(())
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
