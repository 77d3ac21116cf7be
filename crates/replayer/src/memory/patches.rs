//! Code that the recorder changed: the program that reads itself finds the recorder's bytes, as it
//! did when it was recorded; whoever executes the code or shows it to a person takes the original ones.

use alloc::vec::Vec;

/// Longest patch.
pub const MOST_BYTES: usize = 8;

/// What one was and what it is now.
#[derive(Clone, Copy)]
pub struct Patch {
    address: u64,
    length: u8,
    written: [u8; MOST_BYTES],
    original: [u8; MOST_BYTES],
}

impl Patch {
    /// Of code that was `original` and is `written`; as many bytes each, not more than [`MOST_BYTES`].
    pub fn new(address: u64, written: &[u8], original: &[u8]) -> Patch {
        let mut patch = Patch {
            address,
            length: written.len() as u8,
            written: [0; MOST_BYTES],
            original: [0; MOST_BYTES],
        };
        patch.written[..written.len()].copy_from_slice(written);
        patch.original[..original.len()].copy_from_slice(original);
        patch
    }

    fn end(&self) -> u64 {
        self.address + u64::from(self.length)
    }
}

/// All patches, by address; they do not overlap.
#[derive(Default)]
pub struct Patches {
    sorted: Vec<Patch>,
}

impl Patches {
    pub fn insert(&mut self, patch: Patch) {
        self.remove(patch.address, patch.end());
        let at = self
            .sorted
            .partition_point(|other| other.address < patch.address);
        self.sorted.insert(at, patch);
    }

    /// The patches that touch a range.
    fn touching(&self, start: u64, end: u64) -> core::ops::Range<usize> {
        let first = self.sorted.partition_point(|patch| patch.end() <= start);
        let last = self.sorted.partition_point(|patch| patch.address < end);
        first..last.max(first)
    }

    /// The code in the range is no more.
    pub fn remove(&mut self, start: u64, end: u64) {
        let gone = self.touching(start, end);
        self.sorted.drain(gone);
    }

    /// Address of each, what was written, and what was there.
    pub fn all(&self) -> impl Iterator<Item = (u64, &[u8], &[u8])> {
        self.sorted.iter().map(|patch| {
            let length = usize::from(patch.length);
            (
                patch.address,
                &patch.written[..length],
                &patch.original[..length],
            )
        })
    }

    pub fn clear(&mut self) {
        self.sorted.clear();
    }

    pub fn touches(&self, start: u64, end: u64) -> bool {
        !self.touching(start, end).is_empty()
    }

    /// Put the original code in the place of the recorder's in `bytes`, which were read at `address`.
    /// A patch that the program has overwritten since is none.
    pub fn undo(&self, address: u64, bytes: &mut [u8]) {
        let end = address.saturating_add(bytes.len() as u64);
        for patch in &self.sorted[self.touching(address, end)] {
            let (from, to) = (patch.address.max(address), patch.end().min(end));
            let inside = (from - patch.address) as usize..(to - patch.address) as usize;
            let part = &mut bytes[(from - address) as usize..(to - address) as usize];
            if *part == patch.written[inside.clone()] {
                part.copy_from_slice(&patch.original[inside]);
            }
        }
    }
}
