//! Pages that are not executed as they are: whether a way that comes to one is translated until it leaves the page, which
//! costs some 10 µs each time, or to its end. Few ways come back often (a stub of a virtual machine among its other code),
//! others all the time (a loop over two pages).

/// So often at most is what lies on such a page, or on one that is closed for breakpoints, translated by itself on one way.
pub const MOST_ENTRIES: u32 = 32;

/// So often is such a page entered on one way, as far as the last ways tell.
#[derive(Clone, Copy, Debug)]
pub struct RefusedPages(u32);

impl Default for RefusedPages {
    fn default() -> RefusedPages {
        RefusedPages(MOST_ENTRIES)
    }
}

impl RefusedPages {
    /// Whether it is once more.
    ///
    /// # Arguments
    /// * `is_known` - whether the way at hand has come to one before; it has now.
    /// * `entries` - how often the way was translated on a page by itself, with this time.
    pub fn is_worth_entering(&mut self, is_known: &mut bool, entries: u32) -> bool {
        if !core::mem::replace(is_known, true) {
            self.0 = (self.0 + 1).min(MOST_ENTRIES);
        }
        let is_worth_it = entries <= self.0;
        if !is_worth_it {
            self.0 = (self.0 / 2).max(1);
        }
        is_worth_it
    }
}
