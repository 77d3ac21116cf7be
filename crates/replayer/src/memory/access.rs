//! Copies into and out of the program's memory.

use reenact_freestanding::numbers as n;
use reenact_trace::FileId;
use reenact_translator::Translator;

use super::{page_down, page_up, Memory, PROT_EXEC, PROT_WRITE};
use crate::error::ReplayError;
use crate::guarded_copy::guarded_copy;
use crate::mappings::PAGE;
use crate::shared_objects;
use crate::system;

impl reenact_syscalls::Memory for Memory {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        Memory::read(self, address, into).is_ok()
    }
}

impl Memory {
    /// The kernel wrote these bytes.
    pub fn write(
        &mut self,
        translator: &mut Translator,
        address: u64,
        bytes: &[u8],
    ) -> Result<(), ReplayError> {
        self.write_in_range(translator, address, bytes.len() as u64, |memory| {
            memory.copy_in(address, bytes)
        })
    }

    /// Do something while a range is writable.
    pub(super) fn write_in_range(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
        write: impl FnOnce(&mut Memory) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        let opened = self.open(translator, address, length)?;
        let result = write(self);
        self.close_range(opened, address, length);
        result
    }

    /// Copy to memory of the program that is writable now.
    pub(super) fn copy_in(&mut self, address: u64, bytes: &[u8]) -> Result<(), ReplayError> {
        let length = bytes.len() as u64;
        // SAFETY: the range is the program's (`open` checked it); a fault ends the copy.
        let left = unsafe { guarded_copy(address as *mut u8, bytes.as_ptr(), length) };
        if left > 0 {
            return Err(ReplayError::Inaccessible(address + length - left));
        }
        Ok(())
    }

    /// The kernel wrote zeros.
    pub fn zero(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
    ) -> Result<(), ReplayError> {
        static ZEROS: [u8; 16384] = [0; 16384];
        let opened = self.open(translator, address, length)?;
        let end = address + length;
        let mut at = address;
        let mut failed = None;
        while at < end && failed.is_none() {
            let Some((_, mapping)) = self.table.find(at) else {
                break;
            };
            let part_end = mapping.end.min(end);
            let (from, to) = (page_up(at), page_down(part_end));
            // Whole anonymous pages: let the kernel do it, at no cost of memory.
            let is_memory = mapping.file == FileId::NONE && !mapping.is_private_view();
            let dropped = is_memory && from == at && to > from;
            let piece = if dropped {
                to - from
            } else {
                let limit = if is_memory && from > at && from < part_end {
                    from
                } else {
                    part_end
                };
                (limit - at).min(ZEROS.len() as u64)
            };
            let left = if dropped {
                // What is shared outlives the first advice.
                let is_shared =
                    mapping.is_shared() && (mapping.object != 0 || shared_objects::is_inherited());
                let advice = if is_shared {
                    n::MADV_REMOVE
                } else {
                    n::MADV_DONTNEED
                };
                // SAFETY: the range is the program's.
                u64::from(unsafe { system::advise(at, piece, advice) }.is_err())
            } else {
                // SAFETY: the range is the program's.
                unsafe { guarded_copy(at as *mut u8, ZEROS.as_ptr(), piece) }
            };
            if left > 0 {
                failed = Some(at);
            }
            at += piece;
        }
        self.close_range(opened, address, length);
        failed.map_or(Ok(()), |address| Err(ReplayError::Inaccessible(address)))
    }

    /// Make a page inaccessible for a moment; whether it was accessible. Not for pages of code,
    /// which are read to be translated.
    pub fn close_page(&mut self, page: u64) -> bool {
        self.closed = self.close(page).then_some(page);
        self.closed.is_some()
    }

    fn close(&self, page: u64) -> bool {
        let Some((_, mapping)) = self.table.find(page) else {
            return false;
        };
        if mapping.protection == 0 || mapping.protection & PROT_EXEC != 0 {
            return false;
        }
        // SAFETY: the page is the program's.
        unsafe { system::protect(page, PAGE, n::PROT_NONE) }.is_ok()
    }

    /// Undo [`Memory::close_page`].
    pub fn open_page(&mut self, page: u64) {
        self.closed = None;
        self.restore_protection(page, page + PAGE);
    }

    /// Copy memory out; an error when not all of it can be read.
    pub fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), ReplayError> {
        let length = buffer.len() as u64;
        if !address
            .checked_add(length)
            .is_some_and(|end| self.table.covers(address, end))
        {
            return Err(ReplayError::NotMapped { address, length });
        }
        // SAFETY: the source is the program's; a fault ends the copy.
        let left = unsafe { guarded_copy(buffer.as_mut_ptr(), address as *const u8, length) };
        if left > 0 {
            return Err(ReplayError::Inaccessible(address + length - left));
        }
        Ok(())
    }

    /// Read a word.
    pub fn read_u64(&self, address: u64) -> Result<u64, ReplayError> {
        let mut bytes = [0u8; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Make a range writable for a moment; translations of it are dropped.
    /// Whether [`Memory::close_range`] has protections to restore.
    fn open(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
    ) -> Result<bool, ReplayError> {
        if length == 0 {
            return Ok(false);
        }
        let not_mapped = ReplayError::NotMapped { address, length };
        let end = address.checked_add(length).ok_or(not_mapped)?;
        let mut must_open = false;
        let mut executable = false;
        let mut reached = address;
        for (start, mapping) in self.table.overlapping(address, end) {
            if start > reached {
                return Err(not_mapped);
            }
            reached = mapping.end;
            must_open |= mapping.protection & PROT_WRITE == 0;
            // What is shared may be executed through another view.
            executable |= mapping.protection & PROT_EXEC != 0 || mapping.object != 0;
        }
        if reached < end {
            return Err(not_mapped);
        }
        self.note_writes(address, end);
        let (first, last) = (page_down(address), page_up(end));
        if executable {
            self.forget_jumps(address, end);
            let mut page = first;
            while page < last {
                // A watched page need not have translations any more: see `unwatch_page`.
                // The page behind may be executed because of what is on this one.
                let pages = &self.native.pages;
                let is_executed = pages.contains(page) || pages.contains(page + PAGE);
                if is_executed || self.watched.contains(&page) || translator.is_watched(page) {
                    self.forget(translator, page, page + PAGE);
                    must_open = true;
                }
                page += PAGE;
            }
        }
        if must_open {
            // SAFETY: the range is the program's.
            unsafe { system::protect(first, last - first, n::PROT_READ | n::PROT_WRITE) }
                .map_err(|_| ReplayError::Inaccessible(address))?;
        }
        Ok(must_open)
    }

    fn close_range(&mut self, opened: bool, address: u64, length: u64) {
        if opened {
            self.restore_protection(page_down(address), page_up(address + length));
        }
    }
}
