//! A hash map from addresses to 32-bit numbers.
//!
//! Open addressing with linear probing; one multiplication to hash. It is on the path of every
//! translated block, where the standard map's hashing would dominate.

use alloc::vec;
use alloc::vec::Vec;
use core::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};

const EMPTY: u64 = u64::MAX;
const REMOVED: u64 = u64::MAX - 1;
/// Slots at first.
const FIRST: usize = 1024;
/// Most slots kept when all entries go.
const KEPT: usize = 4096;

pub(crate) struct AddressMap {
    /// Power of two of (key, value).
    slots: Vec<(u64, u32)>,
    /// Slots that are not `EMPTY`.
    used: usize,
}

impl AddressMap {
    pub fn new() -> AddressMap {
        AddressMap {
            slots: vec![(EMPTY, 0); FIRST],
            used: 0,
        }
    }

    fn start(&self, key: u64) -> usize {
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    pub fn get(&self, key: u64) -> Option<u32> {
        // A wild jump may go to the addresses that mark slots.
        if key >= REMOVED {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut index = self.start(key);
        loop {
            let (found, value) = self.slots[index & mask];
            if found == key {
                return Some(value);
            }
            if found == EMPTY {
                return None;
            }
            index += 1;
        }
    }

    /// Bring the place of a key closer: it is about to be looked up.
    #[inline]
    pub fn prefetch(&self, key: u64) {
        let place = &raw const self.slots[self.start(key)];
        // SAFETY: a hint, which no address makes fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }

    pub fn insert(&mut self, key: u64, value: u32) {
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut index = self.start(key);
        loop {
            let slot = &mut self.slots[index & mask];
            if slot.0 == key {
                slot.1 = value;
                return;
            }
            if slot.0 == EMPTY {
                *slot = (key, value);
                self.used += 1;
                return;
            }
            index += 1;
        }
    }

    pub fn remove(&mut self, key: u64) {
        let mask = self.slots.len() - 1;
        let mut index = self.start(key);
        loop {
            let slot = &mut self.slots[index & mask];
            if slot.0 == key {
                slot.0 = REMOVED;
                return;
            }
            if slot.0 == EMPTY {
                return;
            }
            index += 1;
        }
    }

    pub fn clear(&mut self) {
        if self.slots.len() > KEPT {
            self.slots = vec![(EMPTY, 0); FIRST];
        } else if self.used > 0 {
            self.slots.fill((EMPTY, 0));
        }
        self.used = 0;
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.slots.iter().copied().filter(|slot| slot.0 < REMOVED)
    }

    fn grow(&mut self) {
        let live = self.iter().count();
        let length = (live * 4).next_power_of_two().max(FIRST);
        let old = core::mem::replace(&mut self.slots, vec![(EMPTY, 0); length]);
        self.used = 0;
        for (key, value) in old {
            if key < REMOVED {
                self.insert(key, value);
            }
        }
    }
}
