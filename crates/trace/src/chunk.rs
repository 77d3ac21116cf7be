//! Chunks: the unit in which logs reach the disk. The file `events` of a trace is a
//! sequence of chunks of all its processes, each compressed and checksummed on its own.

/// Starts every chunk: "rnct" and the chunk layout version.
pub const CHUNK_MAGIC: u32 = 0x7463_6e72;

/// How the content of a chunk is stored.
pub mod codec {
    pub const RAW: u8 = 0;
    pub const ZSTD: u8 = 1;
}

/// Bits of `ChunkHeader::landmarks`: what is inside, so that a process list needs
/// to read few chunks.
pub mod landmark {
    pub const PROCESS_START: u8 = 1;
    pub const IMAGE: u8 = 2;
    pub const EXIT: u8 = 4;
    pub const NOTE: u8 = 8;
    /// The supervisor's word on how the process ended; content: see `EndRecord`.
    pub const END: u8 = 16;
    /// The last chunk of a snapshot.
    pub const SNAPSHOT: u8 = 32;
    /// What a log begins with that is not the whole of its process ([`crate::snapshot`]).
    pub const BEGINNING: u8 = 64;
}

/// Header of a chunk; `stored` bytes follow, padded to 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ChunkHeader {
    pub magic: u32,
    /// Process number.
    pub process: u32,
    /// Index of the first event inside.
    pub first_event: u64,
    /// Number of events inside (a chunk holds whole events).
    pub events: u32,
    pub codec: u8,
    pub landmarks: u8,
    pub reserved: u16,
    /// Bytes of the content as stored.
    pub stored: u32,
    /// Bytes of the content decompressed.
    pub raw: u32,
    /// [`crate::checksum::checksum`] of the stored bytes.
    pub content_checksum: u64,
    /// Checksum of the header bytes before this field.
    pub header_checksum: u64,
}

/// No chunk is larger than this, raw; a larger claim is damage.
pub const MAX_CHUNK_RAW: u32 = 16 << 20;

/// No process has more events; a larger index is damage. Logging a million a second that takes
/// nine years.
pub const MAX_EVENTS: u64 = 1 << 48;

/// How a process ended, as the supervisor learned it: the content of an END chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EndRecord {
    /// Wait status as `wait4` gives it, or -1 when unknown.
    pub wait_status: i32,
    /// 0: ended; 1: recording stopped before the process ended; 2: disk full.
    pub reason: u32,
    /// Events recorded.
    pub events: u64,
    /// Nanoseconds since the epoch.
    pub time: u64,
}

/// Why bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkError {
    Truncated,
    BadMagic(u32),
    HeaderDamaged,
    ContentDamaged,
    TooLarge(u32),
    TooManyEvents(u64),
}

impl EndRecord {
    /// The record in the content of an END chunk; `None` for one of another length.
    pub fn parse(content: &[u8]) -> Option<EndRecord> {
        let half = |at: usize| {
            Some(u32::from_le_bytes(
                content.get(at..at + 4)?.try_into().ok()?,
            ))
        };
        let word = |at: usize| {
            Some(u64::from_le_bytes(
                content.get(at..at + 8)?.try_into().ok()?,
            ))
        };
        if content.len() != core::mem::size_of::<EndRecord>() {
            return None;
        }
        Some(EndRecord {
            wait_status: half(0)? as i32,
            reason: half(4)?,
            events: word(8)?,
            time: word(16)?,
        })
    }
}

impl ChunkHeader {
    pub const SIZE: usize = core::mem::size_of::<ChunkHeader>();

    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: repr(C), no padding (checked below).
        unsafe { core::slice::from_raw_parts((self as *const Self).cast::<u8>(), Self::SIZE) }
    }

    /// Fill in the header's own checksum.
    pub fn sealed(mut self) -> ChunkHeader {
        self.header_checksum = crate::checksum::checksum(&self.as_bytes()[..Self::SIZE - 8]);
        self
    }

    /// Bytes from the start of this chunk to the next.
    pub fn total_size(&self) -> usize {
        Self::SIZE + ((self.stored as usize + 7) & !7)
    }

    /// Parse and check the header at the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<ChunkHeader, ChunkError> {
        if bytes.len() < Self::SIZE {
            return Err(ChunkError::Truncated);
        }
        // SAFETY: length checked, any bit pattern valid, unaligned read.
        let header = unsafe { bytes.as_ptr().cast::<ChunkHeader>().read_unaligned() };
        if header.magic != CHUNK_MAGIC {
            return Err(ChunkError::BadMagic(header.magic));
        }
        if header.header_checksum != crate::checksum::checksum(&bytes[..Self::SIZE - 8]) {
            return Err(ChunkError::HeaderDamaged);
        }
        if header.raw > MAX_CHUNK_RAW || header.stored > MAX_CHUNK_RAW + (1 << 16) {
            return Err(ChunkError::TooLarge(header.raw));
        }
        let end = header.first_event.checked_add(header.events.into());
        if end.is_none_or(|end| end > MAX_EVENTS) {
            return Err(ChunkError::TooManyEvents(header.first_event));
        }
        Ok(header)
    }

    /// The stored content of the chunk whose header was parsed from `bytes`, checked.
    pub fn content<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], ChunkError> {
        let content = bytes
            .get(Self::SIZE..Self::SIZE + self.stored as usize)
            .ok_or(ChunkError::Truncated)?;
        if crate::checksum::checksum(content) != self.content_checksum {
            return Err(ChunkError::ContentDamaged);
        }
        Ok(content)
    }
}

const _: () = assert!(ChunkHeader::SIZE == 48);
