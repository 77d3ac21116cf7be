//! Memory that a forked child does not have as its parent has it.

use alloc::vec::Vec;

use reenact_translator::Translator;

use super::{page_up, Memory};
use crate::error::ReplayError;
use crate::mappings::{AtFork, Mapping};

impl Memory {
    /// `madvise` about what forked children have.
    pub fn advise_fork(&mut self, address: u64, length: u64, change: impl Fn(&mut AtFork)) {
        let end = address.saturating_add(page_up(length));
        self.table
            .change(address, end, |mapping| change(&mut mapping.at_fork));
    }

    /// This is the replay of a forked child from here on.
    pub fn become_child(&mut self, translator: &mut Translator) -> Result<(), ReplayError> {
        self.forget_written();
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
