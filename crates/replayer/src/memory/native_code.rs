//! Code that the processor executes as it is (`crate::native`): of files that the program has never been able to write
//! to, where the recorder has found what is not determined; and pages that it may have written itself, from when they are
//! executed, and have been looked at, until it writes to them again. Where the recorder has made a call a jump, there is a
//! trampoline, as in the recording.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_interpose::call_sites;
use reenact_translator::GuestCode;

use super::code_page::{Behind, CodePage};
use super::{page_down, Memory, PROT_EXEC, PROT_WRITE};
use crate::mappings::{Execution, Mapping, PAGE};
use crate::system;

impl Memory {
    /// From now on code is executable, where that can be. Before anything is mapped.
    pub fn run_natively(&mut self) {
        self.native.is_wanted = true;
    }

    /// Whether there is code that can be executed as it is.
    pub fn runs_natively(&self) -> bool {
        self.native.is_wanted && !self.native.is_lost
    }

    /// What the host mapping gets beside what the program may read and write.
    pub(super) fn execution_of(&self, mapping: &Mapping) -> u64 {
        let is_native = self.native.is_wanted
            && mapping.execution == Execution::Native
            && mapping.protection & (PROT_EXEC | PROT_WRITE) == PROT_EXEC;
        if is_native {
            n::PROT_EXEC
        } else {
            0
        }
    }

    /// An event may begin at an address by itself: only the translated engine stops there.
    pub fn translate_code_at(&mut self, address: u64) {
        let page = page_down(address);
        if self.native.is_wanted && super::is_program_range(page, PAGE) {
            let end = page + PAGE;
            self.table.change(page, end, |mapping| {
                mapping.execution = Execution::Translated;
            });
            self.restore_protection(page, end);
        }
    }

    /// Code that is not executed as it is: where it begins, and its length.
    pub fn translated_code(&self) -> Vec<(u64, u64)> {
        self.table
            .iter()
            .filter(|(_, mapping)| {
                mapping.execution != Execution::Native && mapping.protection & PROT_EXEC != 0
            })
            .map(|(start, mapping)| (start, mapping.end - start))
            .collect()
    }

    /// The same of a range that is mapped.
    pub fn translate_code_in(&mut self, start: u64, length: u64) {
        let end = start.saturating_add(length);
        self.table.change(start, end, |mapping| {
            mapping.execution = Execution::Translated;
        });
        self.restore_protection(start, end);
    }

    /// There may be instructions at these addresses, words of `payload`, that the recorder does not see.
    pub fn translate_suspects(&mut self, payload: &[u8]) {
        for word in payload
            .chunks_exact(8)
            .filter_map(|word| word.try_into().ok())
        {
            self.translate_code_at(u64::from_le_bytes(word));
        }
    }

    /// The program has come to a page that cannot be executed as it is: whether it can from now on. Then it cannot be written
    /// to, and a store there comes to us first.
    pub fn execute_page(&mut self, address: u64) -> bool {
        /// Each of so many pages before one may be what tells where the next one's first instructions begin.
        const MOST_BEFORE: u32 = 3;
        self.open_code(page_down(address), MOST_BEFORE)
    }

    fn open_code(&mut self, page: u64, most_before: u32) -> bool {
        if self.is_code_closed(page) || !self.is_scanned(page) {
            return false;
        }
        let is_good = self.native.pages.contains(page) || {
            self.watch_page(page);
            self.is_determined(page) || most_before > 0 && self.is_behind_open(page, most_before)
        };
        is_good && self.open_scanned(page)
    }

    /// Open the page before, if it is closed: whether that tells that the page is determined.
    fn is_behind_open(&mut self, page: u64, most_before: u32) -> bool {
        let before = page.wrapping_sub(PAGE);
        !self.native.pages.contains(before)
            && self.open_code(before, most_before - 1)
            && self.is_determined(page)
    }

    /// Whether nothing on a page is other than determined, with what is executed as it is around it.
    fn is_determined(&self, page: u64) -> bool {
        let behind = page + PAGE;
        let what_is_behind = if self.is_executed(behind) {
            Behind::Executed
        } else if self.native.trampolines.contains(&behind) {
            Behind::Unknown
        } else {
            Behind::LookedAtLater
        };
        let has_before = self.is_executed(page.wrapping_sub(PAGE));
        let mut code = CodePage::new(has_before, what_is_behind);
        let (before, bytes) = code.parts();
        self.read(page - before as u64, bytes).is_ok() && code.is_determined()
    }

    /// Whether a page of the program's is executed as it is.
    fn is_executed(&self, page: u64) -> bool {
        let is_native = |mapping| self.execution_of(mapping) != 0;
        self.native.pages.contains(page)
            || self
                .table
                .find(page)
                .is_some_and(|(_, mapping)| is_native(mapping))
    }

    /// Whether code there is executed as it is once it has been looked at.
    fn is_scanned(&self, page: u64) -> bool {
        self.table.find(page).is_some_and(|(_, mapping)| {
            mapping.protection & PROT_EXEC != 0
                && mapping.execution == Execution::Scanned
                && mapping.object == 0
                && !mapping.is_shared()
        })
    }

    fn open_scanned(&mut self, page: u64) -> bool {
        // SAFETY: the page is the program's.
        let is_done = unsafe { system::protect(page, PAGE, n::PROT_READ | n::PROT_EXEC) }.is_ok();
        if is_done {
            self.native.pages.insert(page);
        }
        is_done
    }

    /// Pages may be written to, or are others: they are looked at again before they are executed.
    pub(super) fn close_scanned(&mut self, start: u64, end: u64) {
        while let Some(page) = self.native.pages.take(start, end) {
            self.restore_protection(page, page + PAGE);
        }
    }

    /// So is the page behind them, whose first instructions they may have told; no more may be written to it than before.
    pub(super) fn close_behind(&mut self, end: u64) {
        if let Some(page) = self.native.pages.take(end, end.saturating_add(PAGE)) {
            // SAFETY: the page is the program's.
            let _ = unsafe { system::protect(page, PAGE, n::PROT_READ) };
        }
    }

    /// What is behind the page before them may be code that is never looked at: its last instruction is looked at again.
    pub(super) fn close_before(&mut self, start: u64) {
        if let Some(page) = self.native.pages.take(start.saturating_sub(PAGE), start) {
            // SAFETY: the page is the program's.
            let _ = unsafe { system::protect(page, PAGE, n::PROT_READ) };
        }
    }

    /// The recorder wrote something over code: a jump leads to a trampoline, which is made here, too.
    pub(super) fn repeat_jump(&mut self, address: u64, written: &[u8], original: &[u8]) {
        if !self.runs_natively() {
            return;
        }
        let Some(jump) = call_sites::Jump::read(address, written, original) else {
            return;
        };
        let is_made = self.make_room(jump.trampoline()) && jump.repeat();
        self.native.is_lost |= !is_made;
    }

    /// Whether an address lies in memory for trampolines.
    pub fn is_trampoline(&self, address: u64) -> bool {
        self.native.trampolines.contains(&page_down(address))
    }

    /// Have memory at a trampoline's address; it is the recorder's there.
    fn make_room(&mut self, trampoline: u64) -> bool {
        let page = page_down(trampoline);
        if self.native.trampolines.contains(&page) {
            return true;
        }
        if !super::is_program_range(page, PAGE) || self.table.find(page).is_some() {
            return false;
        }
        let flags = n::MAP_PRIVATE | n::MAP_ANONYMOUS | n::MAP_FIXED_NOREPLACE;
        let protection = n::PROT_READ | n::PROT_EXEC;
        // SAFETY: a fresh mapping where the program has none.
        let mapped = unsafe { system::map(page, PAGE, protection, flags, -1, 0) };
        if mapped != Ok(page) {
            return false;
        }
        self.close_before(page);
        self.native.trampolines.push(page);
        true
    }

    /// Other memory has come to these addresses, or none is there any more.
    pub(super) fn forget_native(&mut self, start: u64, end: u64) {
        if self.native.trampolines.is_empty() {
            return;
        }
        call_sites::forget(start, end - start);
        let is_hit = |&page: &u64| (start..end).contains(&page);
        self.native.is_lost |= self.native.trampolines.iter().any(is_hit);
    }

    /// Something else is written over jumps.
    pub(super) fn forget_jumps(&mut self, start: u64, end: u64) {
        if !self.native.trampolines.is_empty() && self.patches.touches(start, end) {
            call_sites::forget(start, end - start);
        }
    }

    /// All of the program's memory is gone.
    pub(super) fn clear_native(&mut self) {
        if !self.native.trampolines.is_empty() {
            call_sites::forget(0, u64::MAX);
        }
        for page in self.native.trampolines.drain(..) {
            // SAFETY: a mapping of ours, to which no code leads any more.
            let _ = unsafe { system::unmap(page, PAGE) };
        }
        self.native.is_lost = false;
        self.native.pages.forget(0, u64::MAX);
    }
}
