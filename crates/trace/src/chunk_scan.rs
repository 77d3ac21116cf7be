//! Finding the chunks of a log by their headers. Reads through a function of the caller.

use crate::chunk::{ChunkError, ChunkHeader, CHUNK_MAGIC};

/// A chunk and its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Offset of the header.
    pub offset: u64,
    pub header: ChunkHeader,
}

impl ChunkPlace {
    /// Index of the first event behind the chunk.
    pub fn end_event(&self) -> u64 {
        // `ChunkHeader::parse` refuses a sum that would not fit.
        self.header.first_event + u64::from(self.header.events)
    }
}

/// What is next in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    Chunk(ChunkPlace),
    /// Bytes from `start` to `end` that are no chunk, with a chunk behind them.
    Damage {
        start: u64,
        end: u64,
    },
}

/// Bytes that are searched in all for chunks behind damage. A log that somebody has made of
/// terabytes of nothing ends there.
pub const MOST_SEARCHED: u64 = 256 << 20;

/// Chunks begin at multiples of this.
const ALIGNMENT: usize = 8;

/// A scan of the headers of a log from its beginning.
pub struct ChunkScan<'w> {
    /// Bytes of the log from `start` on, the first `filled` of them.
    window: &'w mut [u8],
    filled: usize,
    start: u64,
    length: u64,
    offset: u64,
    lost_from: Option<u64>,
    searched: u64,
    is_cut: bool,
}

impl<'w> ChunkScan<'w> {
    /// A scan of the first `length` bytes of a log through a window, which has to hold a header at
    /// least; some hundred kilobytes save reads.
    pub fn new(window: &'w mut [u8], length: u64) -> ChunkScan<'w> {
        ChunkScan {
            window,
            filled: 0,
            start: 0,
            length,
            offset: 0,
            lost_from: None,
            searched: 0,
            is_cut: false,
        }
    }

    /// The next chunk or damage; `None` at the end.
    ///
    /// # Errors
    /// Those of `read`, which fills a buffer from an offset and says how many bytes there were.
    pub fn next<E>(
        &mut self,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<Option<Scanned>, E> {
        while !self.is_cut && self.offset < self.length {
            let length = self.length;
            let offset = self.offset;
            match ChunkHeader::parse(self.at(offset, read)?) {
                Ok(header) if offset + header.total_size() as u64 <= length => {
                    if let Some(start) = self.lost_from.take() {
                        let end = offset;
                        return Ok(Some(Scanned::Damage { start, end }));
                    }
                    self.offset += header.total_size() as u64;
                    return Ok(Some(Scanned::Chunk(ChunkPlace { offset, header })));
                }
                // A good header with too few bytes behind it is the cut end of the log.
                Ok(_) | Err(ChunkError::Truncated) => self.is_cut = true,
                Err(_) => self.search(read)?,
            }
        }
        self.is_cut |= self.lost_from.is_some();
        Ok(None)
    }

    /// Whether the log ends inside a chunk, or with what is none. Known at the end of the scan.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Go to the next word that may start a chunk.
    fn search<E>(
        &mut self,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.lost_from.get_or_insert(self.offset);
        let mut offset = self.offset + ALIGNMENT as u64;
        while offset < self.length && self.searched < MOST_SEARCHED {
            let bytes = self.at(offset, read)?;
            let words = bytes.chunks_exact(ALIGNMENT);
            let whole = (bytes.len() - words.remainder().len()) as u64;
            let magic = CHUNK_MAGIC.to_le_bytes();
            let found = words.into_iter().position(|word| word[..4] == magic);
            let passed = found.map_or(whole, |words| (words * ALIGNMENT) as u64);
            offset += passed;
            self.searched += passed;
            if found.is_some() {
                self.searched += ALIGNMENT as u64;
                self.offset = offset;
                return Ok(());
            }
            if whole == 0 {
                break;
            }
        }
        self.offset = self.length;
        Ok(())
    }

    /// At least a header's worth of bytes from `offset`, or what there is up to the end.
    fn at<E>(
        &mut self,
        offset: u64,
        read: &mut impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<&[u8], E> {
        let wanted = (offset + ChunkHeader::SIZE as u64).min(self.length);
        if offset < self.start || wanted > self.start + self.filled as u64 {
            let left = self.length - offset;
            let size =
                usize::try_from(left).map_or(self.window.len(), |left| left.min(self.window.len()));
            self.filled = 0;
            self.start = offset;
            while self.filled < size {
                let read_to = offset + self.filled as u64;
                match read(read_to, &mut self.window[self.filled..size])? {
                    // The log has become shorter meanwhile.
                    0 => break,
                    count => self.filled += count.min(size - self.filled),
                }
            }
        }
        Ok(&self.window[(offset - self.start) as usize..self.filled])
    }
}
