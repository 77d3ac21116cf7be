//! Brings chunks of a file into memory, checked and decompressed, one at a time.

use alloc::boxed::Box;
use alloc::vec::Vec;

use reenact_decompress::Decoder;
use reenact_trace::chunk::{codec, ChunkHeader};
use reenact_trace::chunk_scan::ChunkPlace;

use crate::feed_error::FeedError;
use crate::system;

/// The reader.
pub struct ChunkReader {
    file: i32,
    /// Large, for a stack.
    decoder: Box<Decoder>,
    stored: Vec<u8>,
    content: Vec<u8>,
    /// Bytes of `content` that are the chunk's.
    length: usize,
}

impl ChunkReader {
    pub fn new(file: i32) -> ChunkReader {
        ChunkReader {
            file,
            decoder: Box::default(),
            stored: Vec::new(),
            content: Vec::new(),
            length: 0,
        }
    }

    /// Content of the chunk that was read last.
    pub fn raw(&self) -> &[u8] {
        &self.content[..self.length]
    }

    /// Read a chunk.
    pub fn read(&mut self, place: &ChunkPlace) -> Result<(), FeedError> {
        let header = place.header;
        self.length = 0;
        let stored = room(&mut self.stored, ChunkHeader::SIZE + header.stored as usize);
        if system::read_at(self.file, stored, place.offset) != Ok(stored.len()) {
            return Err(FeedError::Unreadable);
        }
        let stored = header
            .content(stored)
            .map_err(|_| FeedError::ChunkDamaged)?;
        let content = room(&mut self.content, header.raw as usize);
        match header.codec {
            codec::RAW if stored.len() == content.len() => content.copy_from_slice(stored),
            codec::ZSTD if self.decoder.decode(stored, content) == Ok(content.len()) => {}
            _ => return Err(FeedError::ChunkDamaged),
        }
        self.length = content.len();
        Ok(())
    }
}

/// So many bytes of a buffer, which keeps its length: to fill it with zeros each time would cost as much as to decode.
fn room(buffer: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    &mut buffer[..length]
}
