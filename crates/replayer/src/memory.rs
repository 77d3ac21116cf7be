//! The recorded program's memory: the host mappings behind the table, and copies in and out.
//!
//! Pages are never executable here (translated code runs from the code cache). Writable pages
//! with translated code are write-protected ("watched") so that self-modification is noticed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::{layout, FileId, MapRecord};
use reenact_translator::{CodeFault, CodeRange, GuestCode, Translator};

use crate::error::ReplayError;
use crate::guarded_copy::guarded_copy;
use crate::mappings::{Mapping, MappingTable, PAGE};
use crate::system;
use crate::trace_directory::TraceDirectory;
use crate::turns;

/// One past the last address a program can have.
pub const ADDRESS_END: u64 = (1 << 47) - PAGE;

const PROT_WRITE: u32 = n::PROT_WRITE as u32;
const PROT_EXEC: u32 = n::PROT_EXEC as u32;

pub fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

pub fn page_up(address: u64) -> u64 {
    address.saturating_add(PAGE - 1) & !(PAGE - 1)
}

/// Whether `[address, address + length)` is a range of pages a program can have.
fn is_program_range(address: u64, length: u64) -> bool {
    let Some(end) = address.checked_add(length) else {
        return false;
    };
    length > 0
        && address.is_multiple_of(PAGE)
        && end <= ADDRESS_END
        && (end <= layout::REGION_START || address >= layout::REGION_END)
}

/// The memory of the program.
pub struct Memory {
    pub table: MappingTable,
    directory: TraceDirectory,
    /// Pages whose host protection lacks the write permission they have in the table.
    watched: BTreeSet<u64>,
}

impl Memory {
    pub fn new(directory: TraceDirectory) -> Memory {
        Memory {
            table: MappingTable::default(),
            directory,
            watched: BTreeSet::new(),
        }
    }

    /// Make a mapping, over whatever is there.
    pub fn map(
        &mut self,
        translator: &mut Translator,
        address: u64,
        record: &MapRecord,
    ) -> Result<(), ReplayError> {
        let length = page_up(record.length);
        if !is_program_range(address, length) || !record.offset.is_multiple_of(PAGE) {
            return Err(ReplayError::BadMapping {
                address,
                length: record.length,
            });
        }
        let file = FileId(record.file);
        let is_shared = u64::from(record.flags) & n::MAP_SHARED != 0
            && file == FileId::NONE
            && (record.object != 0 || turns::is_inherited());
        let visibility = if is_shared {
            n::MAP_SHARED
        } else {
            n::MAP_PRIVATE
        };
        let mut flags = visibility | n::MAP_FIXED | n::MAP_NORESERVE;
        let (descriptor, offset, file_size) = if is_shared && record.object != 0 {
            let (descriptor, offset) = turns::object_place(record.object, record.offset, length)
                .ok_or(ReplayError::BadMapping { address, length })?;
            (descriptor, offset, u64::MAX)
        } else if file == FileId::NONE {
            flags |= n::MAP_ANONYMOUS;
            (-1, 0, u64::MAX)
        } else {
            let stored = self
                .directory
                .file(file.0)
                .ok_or(ReplayError::FileMissing(file.0))?;
            (stored.descriptor, record.offset, stored.size)
        };
        self.forget(translator, address, address + length);
        let mapping = Mapping {
            end: address + length,
            protection: record.protection & 7,
            flags: record.flags,
            file,
            offset: record.offset,
            file_size,
            object: record.object,
        };
        // SAFETY: the range is the program's (checked), nothing of ours.
        unsafe {
            system::map(
                address,
                length,
                host_protection(mapping.protection),
                flags,
                descriptor,
                offset,
            )
        }
        .map_err(|error| ReplayError::MappingRefused {
            address,
            length,
            errno: error.0,
        })?;
        self.table.insert(address, mapping);
        Ok(())
    }

    /// Unmap a range of pages.
    pub fn unmap(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
    ) -> Result<(), ReplayError> {
        let length = page_up(length);
        if !is_program_range(address, length) {
            return Err(ReplayError::BadMapping { address, length });
        }
        self.forget(translator, address, address + length);
        // SAFETY: the range is the program's.
        unsafe { system::unmap(address, length) }.map_err(|error| ReplayError::MappingRefused {
            address,
            length,
            errno: error.0,
        })?;
        self.table.remove(address, address + length);
        Ok(())
    }

    /// Unmap everything the program has.
    pub fn clear(&mut self, translator: &mut Translator) {
        translator.invalidate_all();
        for (start, mapping) in self.table.iter() {
            // SAFETY: the range is the program's.
            let _ = unsafe { system::unmap(start, mapping.end - start) };
        }
        self.table.clear();
        self.watched.clear();
    }

    /// Change the protection of what is mapped in the range.
    pub fn protect(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
        protection: u32,
    ) -> Result<(), ReplayError> {
        let length = page_up(length);
        if length == 0 {
            return Ok(());
        }
        if !is_program_range(address, length) {
            return Err(ReplayError::BadMapping { address, length });
        }
        let end = address + length;
        self.forget(translator, address, end);
        self.table.protect(address, end, protection & 7);
        self.restore_protection(address, end);
        Ok(())
    }

    /// `madvise` with an advice that drops the content of pages.
    pub fn discard(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
    ) -> Result<(), ReplayError> {
        const MADV_DONTNEED: u64 = 4;
        const MAP_TYPE: u32 = 0xf;
        let length = page_up(length);
        if length == 0 {
            return Ok(());
        }
        if !is_program_range(address, length) {
            return Err(ReplayError::BadMapping { address, length });
        }
        let end = address + length;
        self.forget(translator, address, end);
        for (start, mapping) in self.table.overlapping(address, end) {
            // What is shared with a file or other processes outlives the advice.
            if mapping.flags & MAP_TYPE == n::MAP_PRIVATE as u32 {
                let from = start.max(address);
                // SAFETY: the range is the program's, which asked for this.
                let _ = unsafe { system::advise(from, mapping.end.min(end) - from, MADV_DONTNEED) };
            }
        }
        Ok(())
    }

    /// The kernel wrote these bytes.
    pub fn write(
        &mut self,
        translator: &mut Translator,
        address: u64,
        bytes: &[u8],
    ) -> Result<(), ReplayError> {
        let opened = self.open(translator, address, bytes.len() as u64)?;
        // SAFETY: the range is the program's (`open` checked it).
        let left = unsafe { guarded_copy(address as *mut u8, bytes.as_ptr(), bytes.len() as u64) };
        self.close(opened, address, bytes.len() as u64);
        if left > 0 {
            return Err(ReplayError::Inaccessible(
                address + bytes.len() as u64 - left,
            ));
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
        const MADV_DONTNEED: u64 = 4;
        const MADV_REMOVE: u64 = 9;
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
            let dropped = mapping.file == FileId::NONE && from == at && to > from;
            let piece = if dropped {
                to - from
            } else {
                let limit = if mapping.file == FileId::NONE && from > at && from < part_end {
                    from
                } else {
                    part_end
                };
                (limit - at).min(ZEROS.len() as u64)
            };
            let left = if dropped {
                // What is shared outlives the first advice.
                let is_shared = u64::from(mapping.flags) & n::MAP_SHARED != 0
                    && (mapping.object != 0 || turns::is_inherited());
                let advice = if is_shared {
                    MADV_REMOVE
                } else {
                    MADV_DONTNEED
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
        self.close(opened, address, length);
        failed.map_or(Ok(()), |address| Err(ReplayError::Inaccessible(address)))
    }

    /// Make a page inaccessible for a moment; whether it was accessible. Not for pages of code,
    /// which are read to be translated.
    pub fn close_page(&mut self, page: u64) -> bool {
        const PROT_NONE: u64 = 0;
        let Some((_, mapping)) = self.table.find(page) else {
            return false;
        };
        if mapping.protection == 0 || mapping.protection & PROT_EXEC != 0 {
            return false;
        }
        // SAFETY: the page is the program's.
        unsafe { system::protect(page, PAGE, PROT_NONE) }.is_ok()
    }

    /// Undo [`Memory::close_page`].
    pub fn open_page(&mut self, page: u64) {
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
    /// Whether [`Memory::close`] has protections to restore.
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
            executable |= mapping.protection & PROT_EXEC != 0;
        }
        if reached < end {
            return Err(not_mapped);
        }
        let (first, last) = (page_down(address), page_up(end));
        if executable {
            let mut page = first;
            while page < last {
                // A watched page need not have translations any more: see `unwatch_page`.
                if self.watched.contains(&page) || translator.is_watched(page) {
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

    fn close(&mut self, opened: bool, address: u64, length: u64) {
        if opened {
            self.restore_protection(page_down(address), page_up(address + length));
        }
    }

    /// Give the host mappings of the range the protection the table says.
    /// No page of the range may be watched.
    fn restore_protection(&mut self, start: u64, end: u64) {
        for (from, mapping) in self.table.overlapping(start, end) {
            let (from, to) = (from.max(start), mapping.end.min(end));
            // SAFETY: the range is the program's.
            let _ =
                unsafe { system::protect(from, to - from, host_protection(mapping.protection)) };
        }
    }

    /// Drop translations and watches of a range.
    pub fn forget(&mut self, translator: &mut Translator, start: u64, end: u64) {
        translator.invalidate(start, end - start);
        let watched: Vec<u64> = self.watched.range(start..end).copied().collect();
        for page in watched {
            self.lift_watch(page);
        }
    }

    /// Make a watched page writable again; whether it was watched.
    fn lift_watch(&mut self, page: u64) -> bool {
        if !self.watched.remove(&page) {
            return false;
        }
        self.restore_protection(page, page + PAGE);
        true
    }

    /// `mremap`, which succeeded with `new_address`.
    pub fn remap(
        &mut self,
        translator: &mut Translator,
        old_address: u64,
        old_length: u64,
        new_address: u64,
        new_length: u64,
        keep_old: bool,
    ) -> Result<(), ReplayError> {
        let (old_length, new_length) = (page_up(old_length), page_up(new_length));
        for (address, length) in [(old_address, old_length), (new_address, new_length)] {
            if !is_program_range(address, length) {
                return Err(ReplayError::BadMapping { address, length });
            }
        }
        if new_length < old_length {
            let tail = old_length - new_length;
            self.unmap(translator, old_address + new_length, tail)?;
        }
        let moved = old_length.min(new_length);
        let pieces: Vec<(u64, Mapping)> = self
            .table
            .overlapping(old_address, old_address + moved)
            .map(|(start, mapping)| (start, *mapping))
            .collect();
        let Some(&(last_start, last)) = pieces.last() else {
            return Err(ReplayError::NotMapped {
                address: old_address,
                length: old_length,
            });
        };
        if new_address != old_address {
            let gone = (new_address, new_address + new_length);
            if gone.0 < old_address + old_length && old_address < gone.1 {
                return Err(ReplayError::BadMapping {
                    address: new_address,
                    length: new_length,
                });
            }
            for (start, mapping) in &pieces {
                let from = (*start).max(old_address);
                let to = mapping.end.min(old_address + moved);
                let target = new_address + (from - old_address);
                self.move_piece(translator, from, to, target, keep_old)?;
            }
        }
        if new_length > old_length {
            let offset = last
                .offset
                .wrapping_add(old_address + old_length - last_start);
            let record = MapRecord {
                length: new_length - old_length,
                protection: last.protection,
                flags: last.flags,
                file: last.file.0,
                object: last.object,
                offset: if last.file == FileId::NONE && last.object == 0 {
                    0
                } else {
                    offset
                },
                file_size: 0,
            };
            self.map(translator, new_address + old_length, &record)?;
        }
        Ok(())
    }

    fn move_piece(
        &mut self,
        translator: &mut Translator,
        from: u64,
        to: u64,
        target: u64,
        keep_old: bool,
    ) -> Result<(), ReplayError> {
        let Some((start, &mapping)) = self.table.find(from) else {
            return Err(ReplayError::NotMapped {
                address: from,
                length: to - from,
            });
        };
        let length = to - from;
        let record = MapRecord {
            length,
            protection: mapping.protection,
            flags: mapping.flags,
            file: mapping.file.0,
            object: mapping.object,
            offset: mapping.offset.wrapping_add(from - start),
            file_size: 0,
        };
        // Lifts all watches: the host mapping is uniform.
        self.forget(translator, from, to);
        self.map(translator, target, &record)?;
        // SAFETY: both ranges are the program's; the target was just mapped for this.
        let moved = unsafe { system::move_mapping(from, length, target) }.is_ok();
        if !moved {
            self.copy_pages(from, target, length)?;
        }
        if keep_old {
            let empty = MapRecord {
                file: FileId::NONE.0,
                object: 0,
                offset: 0,
                ..record
            };
            self.map(translator, from, &empty)
        } else {
            self.unmap(translator, from, length)
        }
    }

    /// Copy pages where the host kernel does not move them (its mapping is in several pieces).
    fn copy_pages(&mut self, from: u64, to: u64, length: u64) -> Result<(), ReplayError> {
        let open = n::PROT_READ | n::PROT_WRITE;
        // SAFETY: both ranges are the program's.
        let left = unsafe {
            let _ = system::protect(from, length, open);
            let _ = system::protect(to, length, open);
            guarded_copy(to as *mut u8, from as *const u8, length)
        };
        self.restore_protection(from, from + length);
        self.restore_protection(to, to + length);
        if left > 0 {
            return Err(ReplayError::Inaccessible(from + length - left));
        }
        Ok(())
    }
}

/// What the host mapping of a page with this protection gets: execution is the translator's.
pub fn host_protection(protection: u32) -> u64 {
    let mut host = u64::from(protection) & (n::PROT_READ | n::PROT_WRITE);
    if protection & PROT_EXEC != 0 {
        host |= n::PROT_READ;
    }
    host
}

impl GuestCode for Memory {
    fn executable_range(&mut self, address: u64) -> Result<CodeRange, CodeFault> {
        const SIGSEGV: i32 = 11;
        const SIGBUS: i32 = 7;
        const SEGV_MAPERR: i32 = 1;
        const SEGV_ACCERR: i32 = 2;
        const BUS_ADRERR: i32 = 2;
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

    fn watch_page(&mut self, page: u64) {
        let Some((_, mapping)) = self.table.find(page) else {
            return;
        };
        if mapping.protection & PROT_WRITE != 0 {
            // SAFETY: the page is the program's.
            let _ = unsafe { system::protect(page, PAGE, n::PROT_READ) };
            self.watched.insert(page);
        }
    }

    fn unwatch_page(&mut self, address: u64) -> bool {
        self.lift_watch(page_down(address))
    }
}
