//! Memory that a forked child does not have as its parent has it.

use alloc::vec::Vec;

use reenact_translator::Translator;

use super::{page_up, Memory};
use crate::error::ReplayError;
use crate::mappings::Mapping;

const MADV_DONTFORK: u64 = 10;
const MADV_DOFORK: u64 = 11;
const MADV_WIPEONFORK: u64 = 18;
const MADV_KEEPONFORK: u64 = 19;

impl Memory {
    /// `madvise` about what forked children have; whether the advice is such a one.
    pub fn advise_fork(&mut self, address: u64, length: u64, advice: u64) -> bool {
        let end = address.saturating_add(page_up(length));
        match advice {
            MADV_DONTFORK | MADV_DOFORK => self.table.advise_fork(address, end, |at_fork| {
                at_fork.is_left_out = advice == MADV_DONTFORK;
            }),
            MADV_WIPEONFORK | MADV_KEEPONFORK => self.table.advise_fork(address, end, |at_fork| {
                at_fork.is_wiped = advice == MADV_WIPEONFORK;
            }),
            _ => return false,
        }
        true
    }

    /// This is the replay of a forked child from here on.
    pub fn become_child(&mut self, translator: &mut Translator) -> Result<(), ReplayError> {
        let advised: Vec<(u64, Mapping)> = self
            .table
            .iter()
            .filter(|(_, mapping)| mapping.at_fork.is_left_out || mapping.at_fork.is_wiped)
            .map(|(start, mapping)| (start, *mapping))
            .collect();
        for (start, mapping) in advised {
            let length = mapping.end - start;
            if mapping.at_fork.is_left_out {
                self.unmap(translator, start, length)?;
            } else {
                self.discard(translator, start, length)?;
            }
        }
        Ok(())
    }
}
