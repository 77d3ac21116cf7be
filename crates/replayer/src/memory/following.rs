//! What a process writes to shared memory in its turn, found by write protection: a page is opened, and its content
//! kept, when it is first written to, by the program or by the kernel in the log. What memory there is costs nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::FileId;

use super::written::{SharedMemory, WrittenBlock, BLOCK};
use super::{host_protection, page_down, page_up, Memory, PROT_WRITE};
use crate::guarded_copy::guarded_copy;
use crate::mappings::{Mapping, PAGE};
use crate::system;

impl Memory {
    /// Find out from now on what is written to shared memory: the first turn begins. Before it there is nobody
    /// who could see it but by `fork` or by mapping it, with what it holds then.
    pub fn follow_writes(&mut self) {
        if core::mem::replace(&mut self.written.is_followed, true) {
            return;
        }
        for (start, mapping) in self.table.iter() {
            if self.is_followed(mapping) {
                let length = mapping.end - start;
                // SAFETY: the range is the program's.
                let _ = unsafe { system::protect(start, length, self.protection_of(mapping)) };
            }
        }
    }

    /// What the host mapping gets while nobody has written to it in this turn.
    pub fn protection_of(&self, mapping: &Mapping) -> u64 {
        let whole = host_protection(mapping.protection);
        if mapping.is_private_view() {
            // A page is opened when it becomes the process's own.
            whole & !n::PROT_WRITE
        } else if self.is_followed(mapping) {
            whole & !n::PROT_WRITE | n::PROT_READ
        } else {
            whole | self.execution_of(mapping)
        }
    }

    fn is_followed(&self, mapping: &Mapping) -> bool {
        self.written.is_followed
            && mapping.is_shared()
            && mapping.file == FileId::NONE
            && mapping.protection & PROT_WRITE != 0
    }

    /// A page is about to be written to: keep what it holds, and open it. Whether it was closed for that.
    pub(super) fn note_write(&mut self, page: u64) -> bool {
        let Some((_, mapping)) = self.table.find(page) else {
            return false;
        };
        if mapping.is_private_view() {
            return self.own_page(page);
        }
        if !self.is_followed(mapping) || self.written.pages.contains_key(&page) {
            return false;
        }
        let protection = host_protection(mapping.protection);
        let mut before = Box::new([0u8; PAGE as usize]);
        // SAFETY: the page is the program's, and can be read; a fault ends the copy. Beyond the end of its file
        // there is nothing, and the write will fail.
        unsafe { guarded_copy(before.as_mut_ptr(), page as *const u8, PAGE) };
        // SAFETY: the page is the program's.
        let opened = unsafe { system::protect(page, PAGE, protection) }.is_ok() || {
            // So many pieces are more than the kernel allows: with those closed again it is one.
            self.close_written(0, u64::MAX);
            // SAFETY: the page is the program's.
            unsafe { system::protect(page, PAGE, protection) }.is_ok()
        };
        if opened {
            self.written.pages.insert(page, before);
        }
        opened
    }

    /// The same for all pages of a range.
    pub(super) fn note_writes(&mut self, start: u64, end: u64) {
        self.own_pages(start, end);
        if !self.written.is_followed {
            return;
        }
        let mut page = page_down(start);
        while page < page_up(end) {
            self.note_write(page);
            page += PAGE;
        }
    }

    /// Open again what has been written to in this turn, after protections were set by the table.
    pub(super) fn reopen_written(&self, start: u64, end: u64) {
        for &page in self.written.pages.range(start..end).map(|(page, _)| page) {
            if let Some((_, mapping)) = self.table.find(page) {
                // SAFETY: the page is the program's.
                let _ = unsafe { system::protect(page, PAGE, host_protection(mapping.protection)) };
            }
        }
    }

    /// Note what has changed in the written pages of a range, which are then as they were before the turn: because
    /// the turn is over, or they are about to be another mapping's.
    pub(super) fn close_written(&mut self, start: u64, end: u64) {
        let pages: Vec<u64> = self
            .written
            .pages
            .range(start..end)
            .map(|(page, _)| *page)
            .collect();
        for &page in &pages {
            if let Some(before) = self.written.pages.remove(&page) {
                self.note_changes(page, &before);
            }
        }
        for run in pages.chunk_by(|page, next| page + PAGE == *next) {
            let (first, last) = (run[0], run[run.len() - 1] + PAGE);
            for (from, mapping) in self.table.overlapping(first, last) {
                let (from, to) = (from.max(first), mapping.end.min(last));
                // SAFETY: the range is the program's.
                let _ = unsafe { system::protect(from, to - from, self.protection_of(mapping)) };
            }
        }
    }

    fn note_changes(&mut self, page: u64, before: &[u8; PAGE as usize]) {
        let Some((start, mapping)) = self.table.find(page) else {
            return;
        };
        let (memory, offset) = (mapping.memory, mapping.offset.wrapping_add(page - start));
        let mut now = [0u8; PAGE as usize];
        if self.read(page, &mut now).is_err() {
            return;
        }
        for (index, (now, before)) in now.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
            if now == before {
                continue;
            }
            let mut content = [0; BLOCK];
            content.copy_from_slice(now);
            self.written.changes.push(WrittenBlock {
                memory,
                offset: offset.wrapping_add((index * BLOCK) as u64),
                content,
            });
        }
    }

    /// What this process has changed since it was last asked, in order.
    pub fn take_written(&mut self) -> Vec<WrittenBlock> {
        self.close_written(0, u64::MAX);
        core::mem::take(&mut self.written.changes)
    }

    /// In a forked child: what was written was the parent's doing.
    pub(super) fn forget_written(&mut self) {
        self.take_written();
    }

    /// Where the program has mapped a block of shared memory.
    pub fn address_of(&self, memory: SharedMemory, offset: u64) -> Option<u64> {
        let shows = |mapping: &Mapping, start: u64| {
            let inside = offset.checked_sub(mapping.offset)?;
            (mapping.memory == memory && inside < mapping.end - start).then(|| start + inside)
        };
        self.table
            .iter()
            .filter(|_| memory != 0)
            .find_map(|(start, mapping)| shows(mapping, start))
    }
}
