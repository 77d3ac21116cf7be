//! Code of the program: where the translator may read it, and pages whose translations a write would
//! make stale.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::FileId;
use reenact_translator::{CodeCopy, CodeFault, CodeRange, GuestCode, Translator};

use super::{page_down, page_up, Memory, PROT_EXEC, PROT_WRITE};
use crate::mappings::PAGE;
use crate::system;

impl Memory {
    /// Drop translations and watches of a range.
    pub fn forget(&mut self, translator: &mut Translator, start: u64, end: u64) {
        translator.invalidate(start, end - start);
        self.close_before(start);
        self.close_scanned(start, end);
        self.close_behind(end);
        let watched: Vec<u64> = self.watched.range(start..end).copied().collect();
        for page in watched {
            for view in self.lift_watches(page) {
                translator.invalidate(view, PAGE);
            }
        }
    }

    /// Make a page writable again, through each view of it; the views, or none if it was not watched.
    fn lift_watches(&mut self, page: u64) -> Vec<u64> {
        if !self.watched.contains(&page) {
            return Vec::new();
        }
        let views = self.views(page);
        for &view in &views {
            self.lift_watch(view);
        }
        views
    }

    fn lift_watch(&mut self, page: u64) {
        if self.watched.remove(&page) {
            self.close_behind(page + PAGE);
            self.restore_protection(page, page + PAGE);
        }
    }
}

impl GuestCode for Memory {
    fn executable_range(&mut self, address: u64) -> Result<CodeRange, CodeFault> {
        const SIGSEGV: i32 = n::SIGSEGV as i32;
        const SIGBUS: i32 = n::SIGBUS as i32;
        const SEGV_MAPERR: i32 = n::SEGV_MAPERR as i32;
        const SEGV_ACCERR: i32 = n::SEGV_ACCERR as i32;
        const BUS_ADRERR: i32 = n::BUS_ADRERR as i32;
        let Some((start, mapping)) = self.table.find(address) else {
            return Err(CodeFault {
                signal: SIGSEGV,
                code: SEGV_MAPERR,
            });
        };
        if mapping.protection & PROT_EXEC == 0 {
            return Err(CodeFault {
                signal: SIGSEGV,
                code: SEGV_ACCERR,
            });
        }
        let file_end = if mapping.file == FileId::NONE {
            u64::MAX
        } else {
            start.saturating_add(page_up(mapping.file_size).saturating_sub(mapping.offset))
        };
        if address >= file_end {
            return Err(CodeFault {
                signal: SIGBUS,
                code: BUS_ADRERR,
            });
        }
        Ok(CodeRange {
            start,
            end: mapping.end.min(file_end),
        })
    }

    fn code<'a>(&self, address: u64, length: usize, copy: &'a mut CodeCopy) -> &'a [u8] {
        if !self.patches.touches(address, address + length as u64) {
            // SAFETY: the translator asks for what `executable_range` has told it of.
            return unsafe { core::slice::from_raw_parts(address as *const u8, length) };
        }
        let length = length.min(copy.len());
        // SAFETY: as above; the bytes of the copy that are used have been written.
        let code = unsafe {
            let to = copy.as_mut_ptr().cast::<u8>();
            core::ptr::copy_nonoverlapping(address as *const u8, to, length);
            core::slice::from_raw_parts_mut(to, length)
        };
        self.patches.undo(address, code);
        code
    }

    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        Memory::read(self, address, into).is_ok()
    }

    fn watch_page(&mut self, page: u64) {
        for view in self.views(page) {
            let Some((_, mapping)) = self.table.find(view) else {
                continue;
            };
            if mapping.protection & PROT_WRITE != 0 {
                // SAFETY: the page is the program's.
                let _ = unsafe { system::protect(view, PAGE, n::PROT_READ) };
                self.native.pages.forget(view, view + PAGE);
                self.watched.insert(view);
            }
        }
    }

    fn unwatch_page(&mut self, address: u64) -> Vec<u64> {
        let page = page_down(address);
        let mut stale = self.lift_watches(page);
        if self.closed != Some(page) && self.note_write(page) && stale.is_empty() {
            stale.push(page);
        }
        stale
    }
}
