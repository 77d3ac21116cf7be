//! Aliases: other addresses at which the program has mapped the same shared memory. What is stored by one of them is
//! seen at all.

use alloc::vec::Vec;

use super::{page_down, Memory};
use crate::mappings::Mapping;

/// Most aliases of one range: more are no program's.
const MOST: usize = 256;

impl Memory {
    /// Where else the bytes of a range can be stored to now: the first byte, one past the last, and which byte of the
    /// range the first one is.
    pub fn aliases_of(&self, start: u64, end: u64) -> Vec<(u64, u64, u64)> {
        let mut found = Vec::new();
        for (from, mapping) in self.table.overlapping(start, end) {
            if !has_name(mapping) {
                continue;
            }
            let (first, last) = (from.max(start), mapping.end.min(end));
            let shown = mapping.offset.wrapping_add(first - from);
            for (other, one) in self.table.iter() {
                if !is_same_memory(mapping, one) || !one.is_shared() || other == from {
                    continue;
                }
                let (low, high) = (
                    shown.max(one.offset),
                    shown
                        .saturating_add(last - first)
                        .min(one.offset.saturating_add(one.end - other)),
                );
                if low < high && found.len() < MOST {
                    let at = |offset: u64| other + (offset - one.offset);
                    found.push((at(low), at(high), first + (low - shown)));
                }
            }
        }
        found
    }

    /// Whether what is stored at one address is seen at another one.
    pub fn shows(&self, address: u64, stored: u64) -> bool {
        let place = |at: u64| {
            let (start, mapping) = self.table.find(at)?;
            Some((*mapping, mapping.offset.wrapping_add(at - start)))
        };
        let (Some((one, here)), Some((other, there))) = (place(address), place(stored)) else {
            return false;
        };
        let page = page_down(address);
        let is_own = one.is_private_view() && !self.private_pages.inside(page, page + 1).is_empty();
        is_same_memory(&one, &other) && here == there && other.is_shared() && !is_own
    }
}

/// Whether something else may show the same.
fn has_name(mapping: &Mapping) -> bool {
    mapping.object != 0 || mapping.memory != 0
}

fn is_same_memory(one: &Mapping, other: &Mapping) -> bool {
    if one.object != 0 {
        one.object == other.object
    } else {
        one.memory != 0 && one.memory == other.memory
    }
}
