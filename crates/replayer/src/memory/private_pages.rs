//! Pages of private mappings of objects that are a process's own, since it has written to them. All others show what
//! the object holds. A copy of the process gets objects of its own, and has to know which is which.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The pages, by address.
#[derive(Default)]
pub struct PrivatePages(BTreeSet<u64>);

impl PrivatePages {
    /// A page is the process's own from now on; whether it was not.
    pub fn insert(&mut self, page: u64) -> bool {
        self.0.insert(page)
    }

    /// They are nobody's own any more; whether there were any.
    pub fn remove(&mut self, start: u64, end: u64) -> bool {
        let gone = self.inside(start, end);
        for page in &gone {
            self.0.remove(page);
        }
        !gone.is_empty()
    }

    /// Those of a range.
    pub fn inside(&self, start: u64, end: u64) -> Vec<u64> {
        self.0.range(start..end).copied().collect()
    }
}
