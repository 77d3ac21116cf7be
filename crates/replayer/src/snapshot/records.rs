//! The records of a snapshot, as they go into a file in chunks.

use alloc::vec::Vec;

use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::checksum::Checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, CHUNK_MAGIC};
use reenact_trace::event::MAX_EVENT_SIZE;
use reenact_trace::{EventHeader, EventKind, Tag};
use ruzstd::encoding::{compress_to_vec, CompressionLevel};

use crate::system::{self, Errno};

/// Bytes of records in a chunk, about.
const CHUNK: usize = 1 << 20;

/// Takes attachments.
pub struct Records {
    /// Where chunks are appended; `None`: only the checksum is wanted.
    file: Option<i32>,
    process: u32,
    event: u64,
    /// The record at hand, with room for its header.
    record: Vec<u8>,
    attachments: u32,
    /// Whole records.
    chunk: Vec<u8>,
    records: u32,
    checksum: Checksum,
    written: u64,
}

impl Records {
    /// Of the state of a process behind one of its events.
    pub fn new(file: Option<i32>, process: u32, event: u64) -> Records {
        Records {
            file,
            process,
            event,
            record: alloc::vec![0; EventHeader::SIZE],
            attachments: 0,
            chunk: Vec::new(),
            records: 0,
            checksum: Checksum::default(),
            written: 0,
        }
    }

    /// Add an attachment.
    pub fn add(&mut self, tag: Tag, address: u64, payload: &[u8]) -> Result<(), Errno> {
        self.add_flagged(tag, 0, address, payload)
    }

    /// The same with flags, which are not in the checksum.
    pub fn add_flagged(
        &mut self,
        tag: Tag,
        flags: u16,
        address: u64,
        payload: &[u8],
    ) -> Result<(), Errno> {
        self.check(tag, address, payload);
        self.note(tag, flags, address, payload)
    }

    /// Two replays have to agree about this, which is no attachment.
    pub fn check(&mut self, tag: Tag, address: u64, payload: &[u8]) {
        for word in [tag as u64, address, payload.len() as u64] {
            self.checksum.add(&word.to_le_bytes());
        }
        self.checksum.add(payload);
    }

    /// Add an attachment that is not part of what two replays have to agree about.
    pub fn note(
        &mut self,
        tag: Tag,
        flags: u16,
        address: u64,
        payload: &[u8],
    ) -> Result<(), Errno> {
        if self.file.is_none() {
            return Ok(());
        }
        let size = AttachmentHeader::total_size(payload.len());
        if self.record.len() + size > MAX_EVENT_SIZE {
            self.end_record(EventKind::Data, EventHeader::default())?;
        }
        let header = AttachmentHeader {
            tag: tag as u16,
            flags,
            length: payload.len() as u32,
            address,
        };
        self.record.extend_from_slice(header.as_bytes());
        self.record.extend_from_slice(payload);
        self.record.resize(self.record.len().next_multiple_of(8), 0);
        self.attachments += 1;
        Ok(())
    }

    /// The last record, with this header and a number of instructions that two replays need not agree about; the checksum
    /// of the state, and how many bytes were written.
    pub fn finish(
        mut self,
        mut header: EventHeader,
        instructions: u64,
    ) -> Result<(u64, u64), Errno> {
        for word in header.args {
            self.checksum.add(&word.to_le_bytes());
        }
        let register_checksum = self.checksum.clone().finish();
        if self.file.is_some() {
            header.register_checksum = register_checksum;
            header.args[1] = instructions;
            self.end_record(EventKind::Snapshot, header)?;
            self.write_chunk(landmark::SNAPSHOT)?;
        }
        Ok((register_checksum, self.written))
    }

    fn end_record(&mut self, kind: EventKind, header: EventHeader) -> Result<(), Errno> {
        let header = EventHeader {
            size: self.record.len() as u32,
            kind: kind as u8,
            attachments: self.attachments,
            ..header
        };
        self.record[..EventHeader::SIZE].copy_from_slice(header.as_bytes());
        self.chunk.extend_from_slice(&self.record);
        self.record.truncate(EventHeader::SIZE);
        self.attachments = 0;
        self.records += 1;
        if self.chunk.len() >= CHUNK && kind == EventKind::Data {
            self.write_chunk(0)?;
        }
        Ok(())
    }

    /// Append a chunk, by one call: other processes of the replay append to the file, too.
    fn write_chunk(&mut self, landmarks: u8) -> Result<(), Errno> {
        let Some(file) = self.file else { return Ok(()) };
        let compressed = compress_to_vec(self.chunk.as_slice(), CompressionLevel::Fastest);
        let (codec, content) = if compressed.len() < self.chunk.len() {
            (codec::ZSTD, compressed.as_slice())
        } else {
            (codec::RAW, self.chunk.as_slice())
        };
        let header = ChunkHeader {
            magic: CHUNK_MAGIC,
            process: self.process,
            first_event: self.event,
            events: self.records,
            codec,
            landmarks,
            stored: content.len() as u32,
            raw: self.chunk.len() as u32,
            content_checksum: reenact_trace::checksum::checksum(content),
            ..ChunkHeader::default()
        };
        let header = header.sealed();
        let mut bytes = Vec::with_capacity(header.total_size());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(header.total_size(), 0);
        system::write_all(file, &bytes)?;
        self.written += bytes.len() as u64;
        self.chunk.clear();
        self.records = 0;
        Ok(())
    }
}
