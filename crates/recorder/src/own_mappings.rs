//! What this process has mapped of files and of memory that others see: a table by address. Pure but for its place.

use crate::mapped_files::MappedFileIndex;

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

    /// The part of it in a range.
    pub fn part(&self, from: u64, to: u64) -> OwnMapping {
        let start = self.start.max(from);
        OwnMapping {
            start,
            end: self.end.min(to),
            offset: self.offset + (start - self.start),
            ..*self
        }
    }

    /// Where it shows a range of its file: start and end; they are alike where it does not.
    pub fn shown(&self, from: u64, to: u64) -> [u64; 2] {
        let last = self.offset + (self.end - self.start);
        let at = |offset: u64| self.start + (offset.clamp(self.offset, last) - self.offset);
        [at(from), at(to)]
    }

    fn goes_on_in(&self, next: &OwnMapping) -> bool {
        let moved = OwnMapping {
            start: next.start,
            end: next.end,
            offset: self.offset + (self.end - self.start),
            ..*self
        };
        self.end == next.start && (moved == *next || self.is_alike_anonymous(next))
    }

    fn is_alike_anonymous(&self, next: &OwnMapping) -> bool {
        self.shows == Shows::Anonymous && next.shows == Shows::Anonymous && self.file == next.file
    }
}

/// As many as the kernel allows, and twice that where more are allowed than usual.
const CAPACITY: usize = 1 << 17;

/// The table. By descending address: new mappings are placed below the others.
pub struct Table {
    mappings: [OwnMapping; CAPACITY],
    count: usize,
}

const NONE: OwnMapping = OwnMapping {
    start: 0,
    end: 0,
    offset: 0,
    file: None,
    shows: Shows::Anonymous,
    is_shared: false,
    is_code: false,
};

impl Table {
    pub const fn new() -> Table {
        Table {
            mappings: [NONE; CAPACITY],
            count: 0,
        }
    }

    pub fn all(&self) -> &[OwnMapping] {
        &self.mappings[..self.count]
    }

    /// Indices of the mappings that a range touches.
    fn touching(&self, from: u64, to: u64) -> core::ops::Range<usize> {
        let all = self.all();
        let first = all.partition_point(|mapping| mapping.start >= to);
        let behind = all[first..].partition_point(|mapping| mapping.end > from);
        first..first + behind
    }

    /// The mappings that a range touches.
    pub fn overlapping(&self, from: u64, to: u64) -> &[OwnMapping] {
        &self.all()[self.touching(from, to)]
    }

    /// Put these, by descending address, in the place of those; false: there is no room.
    fn replace(&mut self, old: core::ops::Range<usize>, new: &[OwnMapping]) -> bool {
        let count = self.count - old.len() + new.len();
        if count > CAPACITY {
            return false;
        }
        let behind = old.start + new.len();
        self.mappings.copy_within(old.end..self.count, behind);
        self.mappings[old.start..behind].copy_from_slice(new);
        self.count = count;
        true
    }

    /// Add one where there is none; false: there is no room.
    pub fn add(&mut self, mut mapping: OwnMapping) -> bool {
        let mut place = self.touching(mapping.start, mapping.end);
        if let Some(above) = place.start.checked_sub(1).map(|index| self.mappings[index]) {
            if mapping.goes_on_in(&above) {
                mapping.end = above.end;
                place.start -= 1;
            }
        }
        if place.end < self.count && self.mappings[place.end].goes_on_in(&mapping) {
            let below = self.mappings[place.end];
            mapping.start = below.start;
            mapping.offset = below.offset;
            place.end += 1;
        }
        self.replace(place, &[mapping])
    }

    /// Take a range out, telling each part that is taken.
    pub fn remove(&mut self, from: u64, to: u64, mut taken: impl FnMut(&OwnMapping)) {
        let place = self.touching(from, to);
        let (Some(highest), Some(lowest)) = (
            self.mappings[place.clone()].first().copied(),
            self.mappings[place.clone()].last().copied(),
        ) else {
            return;
        };
        for mapping in &self.mappings[place.clone()] {
            taken(&mapping.part(from, to));
        }
        let (mut left, mut count) = ([NONE; 2], 0);
        if highest.end > to {
            left[count] = highest.part(to, u64::MAX);
            count += 1;
        }
        if lowest.start < from {
            left[count] = lowest.part(0, from);
            count += 1;
        }
        self.replace(place, &left[..count]);
    }
}
