//! Brings chunks of a file into memory, checked and decompressed, one at a time.

use alloc::vec::Vec;

use reenact_trace::chunk::{codec, ChunkHeader};
use reenact_trace::chunk_scan::ChunkPlace;
use ruzstd::decoding::FrameDecoder;

use crate::feed_error::FeedError;
use crate::system;

/// The reader.
pub struct ChunkReader {
    file: i32,
    decoder: FrameDecoder,
    stored: Vec<u8>,
    /// Content of the chunk that was read last.
    pub raw: Vec<u8>,
}

impl ChunkReader {
    pub fn new(file: i32) -> ChunkReader {
        ChunkReader {
            file,
            decoder: FrameDecoder::new(),
            stored: Vec::new(),
            raw: Vec::new(),
        }
    }

    /// Bring a chunk into `raw`.
    pub fn read(&mut self, place: &ChunkPlace) -> Result<(), FeedError> {
        let header = place.header;
        self.raw.clear();
        let length = ChunkHeader::SIZE + header.stored as usize;
        self.stored.resize(length, 0);
        let read = system::read_at(self.file, &mut self.stored, place.offset);
        if read != Ok(length) {
            return Err(FeedError::Unreadable);
        }
        let content = header
            .content(&self.stored)
            .map_err(|_| FeedError::ChunkDamaged)?;
        self.raw.resize(header.raw as usize, 0);
        match header.codec {
            codec::RAW if content.len() == self.raw.len() => self.raw.copy_from_slice(content),
            codec::ZSTD => {
                let length = self
                    .decoder
                    .decode_all(content, &mut self.raw)
                    .map_err(|_| FeedError::ChunkDamaged)?;
                if length != self.raw.len() {
                    return Err(FeedError::ChunkDamaged);
                }
            }
            _ => return Err(FeedError::ChunkDamaged),
        }
        Ok(())
    }
}
