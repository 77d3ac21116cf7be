//! How a process comes to have pages of its own in private mappings of objects. They are found by write protection, as
//! what is written to shared memory is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;

use super::{host_protection, page_down, page_up, Memory, PROT_WRITE};
use crate::error::ReplayError;
use crate::guarded_copy::guarded_copy;
use crate::mappings::{Mapping, PAGE};
use crate::system;

/// A page and what it holds.
pub type SavedPage = (u64, Box<[u8; PAGE as usize]>);

impl Memory {
    /// The program is about to write to a page: it is the process's own from now on, if it can be written to. Whether
    /// it was opened for that.
    pub(super) fn own_page(&mut self, page: u64) -> bool {
        let Some((start, &mapping)) = self.table.find(page) else {
            return false;
        };
        let may_be_own = mapping.is_private_view() && mapping.protection & PROT_WRITE != 0;
        if !may_be_own || !self.private_pages.insert(page) {
            return false;
        }
        let protection = host_protection(mapping.protection);
        // SAFETY: the page is the program's.
        if unsafe { system::protect(page, PAGE, protection) }.is_ok() {
            return true;
        }
        // So many pieces are more than the kernel allows: all of the mapping counts as written.
        let length = mapping.end - start;
        // SAFETY: the range is the program's.
        let opened = unsafe { system::protect(start, length, protection) }.is_ok();
        for page in (start..mapping.end).step_by(PAGE as usize) {
            self.private_pages.insert(page);
        }
        opened
    }

    /// A range is written to in any case: what the program cannot write is opened by the caller.
    pub(super) fn own_pages(&mut self, start: u64, end: u64) {
        if !self.table.has_objects() {
            return;
        }
        for page in (page_down(start)..page_up(end)).step_by(PAGE as usize) {
            self.own_page(page);
            let is_view = |(_, mapping): (u64, &Mapping)| mapping.is_private_view();
            if self.table.find(page).is_some_and(is_view) {
                self.private_pages.insert(page);
            }
        }
    }

    /// Open them again, after protections were set by the table.
    pub(super) fn reopen_private(&self, start: u64, end: u64) {
        for page in self.private_pages.inside(start, end) {
            if let Some((_, mapping)) = self.table.find(page) {
                // SAFETY: the page is the program's.
                let _ = unsafe { system::protect(page, PAGE, host_protection(mapping.protection)) };
            }
        }
    }

    /// Whether bytes that are in the log show only what the program sees there anyhow: in a private view of an object
    /// they are not to be written then, as the page would be the process's own. `has_failed`: the call that they
    /// are of.
    pub fn is_only_shown(&self, address: u64, bytes: &[u8], has_failed: bool) -> bool {
        self.is_view_of(address, bytes.len() as u64, has_failed, |now| now == bytes)
    }

    /// The same of zeros.
    pub fn are_zeros_shown(&self, address: u64, length: u64, has_failed: bool) -> bool {
        /// What a call has written comes in no longer pieces.
        const LONGEST: u64 = 256 << 10;
        let are_zeros = |now: &[u8]| now.iter().all(|&byte| byte == 0);
        length <= LONGEST && self.is_view_of(address, length, has_failed, are_zeros)
    }

    fn is_view_of(
        &self,
        address: u64,
        length: u64,
        has_failed: bool,
        is_it: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let Some((_, mapping)) = self.table.find(address) else {
            return false;
        };
        if !mapping.is_private_view() || (mapping.protection & PROT_WRITE != 0 && !has_failed) {
            return false;
        }
        let mut now = alloc::vec![0u8; length as usize];
        self.read(address, &mut now).is_ok() && is_it(&now)
    }

    /// What the own pages of a range hold.
    pub fn save_private(&mut self, start: u64, end: u64) -> Vec<SavedPage> {
        let pages = self.private_pages.inside(start, end);
        pages
            .into_iter()
            .map(|page| {
                let mut content = Box::new([0u8; PAGE as usize]);
                // SAFETY: the page is the program's, and is opened for a moment; a fault ends the copy.
                unsafe {
                    let _ = system::protect(page, PAGE, n::PROT_READ);
                    guarded_copy(content.as_mut_ptr(), page as *const u8, PAGE);
                }
                (page, content)
            })
            .collect()
    }

    /// Make pages of a fresh mapping the process's own, with that content, `moved` bytes further up.
    pub fn restore_private(&mut self, saved: &[SavedPage], moved: u64) -> Result<(), ReplayError> {
        for (page, content) in saved {
            let page = page.wrapping_add(moved);
            self.private_pages.insert(page);
            // SAFETY: the page is the program's; a fault ends the copy.
            let left = unsafe {
                let _ = system::protect(page, PAGE, n::PROT_READ | n::PROT_WRITE);
                guarded_copy(page as *mut u8, content.as_ptr(), PAGE)
            };
            if left > 0 {
                return Err(ReplayError::Inaccessible(page));
            }
            self.restore_protection(page, page + PAGE);
        }
        Ok(())
    }
}
