//! What this process has mapped of files and of memory that others see: a table by address.

use crate::mapped_files::MappedFileIndex;
use crate::range_table::{self, Range};

/// What a mapping shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Memory without a file, which forked children share.
    Anonymous,
    /// An object, by its number.
    Object(u32),
    /// The copy of a file that is kept in the trace.
    Kept,
}

/// A mapping, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnMapping {
    pub start: u64,
    pub end: u64,
    /// Of its start in the file.
    pub offset: u64,
    pub file: Option<MappedFileIndex>,
    pub shows: Shows,
    pub is_shared: bool,
    pub is_code: bool,
}

impl OwnMapping {
    /// Whether others see what is written there, or it shows what others write to the object.
    pub fn is_common(&self) -> bool {
        self.shows != Shows::Kept
    }

    /// Where it shows a range of its file: start and end; they are alike where it does not.
    pub fn shown(&self, from: u64, to: u64) -> [u64; 2] {
        let last = self.offset + (self.end - self.start);
        let at = |offset: u64| self.start + (offset.clamp(self.offset, last) - self.offset);
        [at(from), at(to)]
    }

    fn is_alike_anonymous(&self, next: &OwnMapping) -> bool {
        self.shows == Shows::Anonymous && next.shows == Shows::Anonymous && self.file == next.file
    }
}

impl Range for OwnMapping {
    const NONE: OwnMapping = OwnMapping {
        start: 0,
        end: 0,
        offset: 0,
        file: None,
        shows: Shows::Anonymous,
        is_shared: false,
        is_code: false,
    };

    fn start(&self) -> u64 {
        self.start
    }

    fn end(&self) -> u64 {
        self.end
    }

    fn part(&self, from: u64, to: u64) -> OwnMapping {
        let start = self.start.max(from);
        OwnMapping {
            start,
            end: self.end.min(to),
            offset: self.offset + (start - self.start),
            ..*self
        }
    }

    fn goes_on_in(&self, next: &OwnMapping) -> bool {
        let moved = OwnMapping {
            start: next.start,
            end: next.end,
            offset: self.offset + (self.end - self.start),
            ..*self
        };
        moved == *next || self.is_alike_anonymous(next)
    }

    fn extended(&self, end: u64) -> OwnMapping {
        OwnMapping { end, ..*self }
    }
}

/// As many as the kernel allows, and twice that where more are allowed than usual.
const CAPACITY: usize = 1 << 17;

pub type Table = range_table::Table<OwnMapping, CAPACITY>;
