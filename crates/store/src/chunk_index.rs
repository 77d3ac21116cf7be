//! Where the chunks of a log are: a scan of their headers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use reenact_trace::chunk::{ChunkError, ChunkHeader, CHUNK_MAGIC};

/// Headers are read through a window of this size: the chunks of short processes are small.
const WINDOW: usize = 256 << 10;

/// A chunk and its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Offset of the header.
    pub offset: u64,
    pub header: ChunkHeader,
}

/// All chunks of a log, in file order.
#[derive(Clone, Debug, Default)]
pub struct ChunkIndex {
    pub chunks: Vec<ChunkPlace>,
    /// The file ends inside a chunk: the recording was cut off.
    pub cut: bool,
    /// Byte ranges in the middle of the file that are no chunks.
    pub damaged: Vec<(u64, u64)>,
}

impl ChunkIndex {
    /// Scan the headers in `file`, whose first `length` bytes count.
    pub fn scan(file: &File, length: u64) -> io::Result<ChunkIndex> {
        let mut window = Window {
            file,
            length,
            start: 0,
            bytes: Vec::new(),
        };
        let mut index = ChunkIndex::default();
        let mut offset = 0;
        let mut lost_from = None;
        while offset < length {
            let parsed = ChunkHeader::parse(window.at(offset)?);
            match parsed {
                Ok(header) if offset + header.total_size() as u64 <= length => {
                    if let Some(start) = lost_from.take() {
                        index.damaged.push((start, offset));
                    }
                    index.chunks.push(ChunkPlace { offset, header });
                    offset += header.total_size() as u64;
                }
                // A good header with too few bytes behind it is the cut end of the file.
                Ok(_) | Err(ChunkError::Truncated) => break,
                Err(_) => {
                    lost_from.get_or_insert(offset);
                    offset = window.next_magic(offset + 8)?;
                }
            }
        }
        index.cut = offset < length || lost_from.is_some();
        Ok(index)
    }
}

/// A piece of the file in memory.
struct Window<'a> {
    file: &'a File,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// At least a header's worth of bytes from `offset`, or up to the end of the file.
    fn at(&mut self, offset: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        let wanted = (offset + ChunkHeader::SIZE as u64).min(self.length);
        if offset < self.start || wanted > end {
            let size = (self.length - offset).min(WINDOW as u64) as usize;
            self.bytes.resize(size, 0);
            self.file.read_exact_at(&mut self.bytes, offset)?;
            self.start = offset;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }

    /// Offset of the next word, from `offset` on, that may start a chunk; the length if none.
    fn next_magic(&mut self, mut offset: u64) -> io::Result<u64> {
        while offset + 8 <= self.length {
            let bytes = self.at(offset)?;
            let whole = bytes.len() & !7;
            let magic = CHUNK_MAGIC.to_le_bytes();
            let found = bytes[..whole]
                .chunks_exact(8)
                .position(|word| word[..4] == magic);
            if let Some(words) = found {
                return Ok(offset + words as u64 * 8);
            }
            offset += (whole as u64).max(8);
        }
        Ok(self.length)
    }
}
