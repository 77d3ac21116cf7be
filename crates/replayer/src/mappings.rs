//! The table of the recorded program's mappings. Pure: it changes nothing in the address space.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use reenact_freestanding::numbers::{MAP_SHARED, PROT_EXEC};
use reenact_trace::FileId;

pub const PAGE: u64 = 4096;

/// One mapping, from `start` (its key in the table) to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub end: u64,
    /// PROT_* bits as the program sees them.
    pub protection: u32,
    /// MAP_* bits as the program gave them.
    pub flags: u32,
    /// Stored file, or [`FileId::NONE`].
    pub file: FileId,
    /// Offset in the file at the mapping's start.
    pub offset: u64,
    /// Size of the stored file, bytes; `u64::MAX` for an anonymous mapping.
    pub file_size: u64,
    /// Number of the shared object, or 0.
    pub object: u32,
    /// Which shared memory it shows, with a file or without; 0: none.
    pub memory: u64,
    pub at_fork: AtFork,
    pub execution: Execution,
}

/// How the program's own code in a mapping may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// As it is: the recorder has looked at all of it.
    Native,
    /// The program could write to it: pages at a time, once they have been looked at.
    Scanned,
    /// Not at all: an event begins in it that only the translated engine sees.
    Translated,
}

impl Mapping {
    /// Whether others may see what is written there.
    pub fn is_shared(&self) -> bool {
        u64::from(self.flags) & MAP_SHARED != 0
    }

    /// Whether it shows an object until its pages are written to, which are its own then.
    pub fn is_private_view(&self) -> bool {
        self.object != 0 && !self.is_shared()
    }
}

/// What `madvise` has asked for: what a forked child has in the place of a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtFork {
    /// Nothing (MADV_DONTFORK).
    pub is_left_out: bool,
    /// Zeros (MADV_WIPEONFORK).
    pub is_wiped: bool,
}

/// The mappings, disjoint and ordered.
#[derive(Clone, Debug, Default)]
pub struct MappingTable {
    map: BTreeMap<u64, Mapping>,
    /// Starts of the mappings of objects, by object.
    of_objects: BTreeSet<(u32, u64)>,
    /// Those of them that can be executed.
    code_of_objects: BTreeSet<(u32, u64)>,
    /// How often it was changed.
    version: u64,
}

impl MappingTable {
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Another number after each change of what is mapped.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What some mapping shows has changed.
    pub fn note_change(&mut self) {
        self.version += 1;
    }

    pub fn clear(&mut self) {
        self.note_change();
        self.map.clear();
        self.of_objects.clear();
        self.code_of_objects.clear();
    }

    /// Start and mapping of those that show an object, in order.
    pub fn of_object(&self, object: u32) -> impl Iterator<Item = (u64, &Mapping)> {
        self.among(&self.of_objects, object)
    }

    /// The same of those that can be executed: there are few of them, where a program maps a file very often.
    pub fn code_of_object(&self, object: u32) -> impl Iterator<Item = (u64, &Mapping)> {
        self.among(&self.code_of_objects, object)
    }

    fn among<'a>(
        &'a self,
        some: &'a BTreeSet<(u32, u64)>,
        object: u32,
    ) -> impl Iterator<Item = (u64, &'a Mapping)> {
        some.range((object, 0)..=(object, u64::MAX))
            .filter_map(|(_, start)| Some((*start, self.map.get(start)?)))
    }

    /// Whether any shows one.
    pub fn has_objects(&self) -> bool {
        !self.of_objects.is_empty()
    }

    fn put(&mut self, start: u64, mapping: Mapping) {
        if mapping.object != 0 {
            self.of_objects.insert((mapping.object, start));
            note_code(&mut self.code_of_objects, start, &mapping);
        }
        self.map.insert(start, mapping);
    }

    /// Start and mapping, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Mapping)> {
        self.map.iter().map(|(&start, mapping)| (start, mapping))
    }

    /// The mapping that holds `address`.
    pub fn find(&self, address: u64) -> Option<(u64, &Mapping)> {
        let (&start, mapping) = self.map.range(..=address).next_back()?;
        (address < mapping.end).then_some((start, mapping))
    }

    /// Mappings that touch the range, in order.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, &Mapping)> {
        let first = self.find(start).map_or(start, |(first, _)| first);
        self.map
            .range(first..end.max(first))
            .map(|(&start, mapping)| (start, mapping))
    }

    /// Whether every page of the range is mapped.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        let mut reached = start;
        for (from, mapping) in self.overlapping(start, end) {
            if from > reached {
                return false;
            }
            reached = mapping.end;
        }
        reached >= end
    }

    /// Put a mapping in, over whatever is there.
    pub fn insert(&mut self, start: u64, mapping: Mapping) {
        self.remove(start, mapping.end);
        self.put(start, mapping);
    }

    /// Take the range out.
    pub fn remove(&mut self, start: u64, end: u64) {
        self.note_change();
        self.split(start);
        self.split(end);
        let gone: Vec<u64> = self
            .map
            .range(start..end.max(start))
            .map(|(&key, _)| key)
            .collect();
        for key in gone {
            if let Some(mapping) = self.map.remove(&key) {
                self.of_objects.remove(&(mapping.object, key));
                self.code_of_objects.remove(&(mapping.object, key));
            }
        }
    }

    /// Change the protection of the mapped parts of the range.
    pub fn protect(&mut self, start: u64, end: u64, protection: u32) {
        self.change(start, end, |mapping| mapping.protection = protection);
    }

    /// Change what is known of the mapped parts of the range.
    pub fn change(&mut self, start: u64, end: u64, change: impl Fn(&mut Mapping)) {
        self.note_change();
        self.split(start);
        self.split(end);
        for (&start, mapping) in self.map.range_mut(start..end.max(start)) {
            change(mapping);
            if mapping.object != 0 {
                note_code(&mut self.code_of_objects, start, mapping);
            }
        }
    }

    /// Make `address` a border between mappings if it lies inside one.
    fn split(&mut self, address: u64) {
        let Some((start, &whole)) = self.find(address) else {
            return;
        };
        if start == address {
            return;
        }
        let offset = whole.offset.wrapping_add(address - start);
        if let Some(first) = self.map.get_mut(&start) {
            first.end = address;
        }
        self.put(address, Mapping { offset, ..whole });
    }
}

/// The mapping of an object can be executed from now on, or not.
fn note_code(code_of_objects: &mut BTreeSet<(u32, u64)>, start: u64, mapping: &Mapping) {
    if u64::from(mapping.protection) & PROT_EXEC != 0 {
        code_of_objects.insert((mapping.object, start));
    } else {
        code_of_objects.remove(&(mapping.object, start));
    }
}
