//! Pages that are not executed as they are, because a client has breakpoints on them: the program's own code is stopped
//! when it comes there, and what is on them is translated. They can be read as ever.

use alloc::collections::BTreeSet;

use reenact_freestanding::numbers as n;

use super::{page_down, Memory};
use crate::mappings::{Mapping, PAGE};
use crate::system;

impl Memory {
    /// Close these pages, and no others.
    pub fn close_code(&mut self, pages: BTreeSet<u64>) {
        let old = core::mem::replace(&mut self.native.closed, pages);
        for &page in old.difference(&self.native.closed) {
            // Others are opened when they are executed.
            if let Some((_, mapping)) = self.table.find(page) {
                self.set_execution(page, mapping, n::PROT_EXEC);
            }
        }
        self.native.closed_at = self.table.version();
        self.close_again(0, u64::MAX);
    }

    /// Something else may have come to their addresses.
    pub fn keep_code_closed(&mut self) {
        if !self.native.closed.is_empty() && self.native.closed_at != self.table.version() {
            self.native.closed_at = self.table.version();
            self.close_again(0, u64::MAX);
        }
    }

    /// Whether a page is closed.
    pub fn is_code_closed(&self, address: u64) -> bool {
        self.native.closed.contains(&page_down(address))
    }

    /// Close those of a range whose protection is as the table says.
    pub(super) fn close_again(&mut self, start: u64, end: u64) {
        for &page in self.native.closed.range(start..end) {
            let Some((_, mapping)) = self.table.find(page) else {
                continue;
            };
            if self.native.pages.take(page, page + PAGE).is_some() {
                // SAFETY: the page is the program's.
                let _ = unsafe { system::protect(page, PAGE, n::PROT_READ) };
            } else {
                self.set_execution(page, mapping, 0);
            }
        }
    }

    /// Of a page that the program cannot write to, and that is executed as it is.
    fn set_execution(&self, page: u64, mapping: &Mapping, execution: u64) {
        let whole = self.protection_of(mapping);
        if whole & n::PROT_EXEC != 0 {
            // SAFETY: the page is the program's.
            let _ = unsafe { system::protect(page, PAGE, whole & !n::PROT_EXEC | execution) };
        }
    }
}
