//! The recorded program's memory: the host mappings behind the table, and copies in and out.
//!
//! Pages are executable for the native engine alone (translated code runs from the code cache). Writable pages
//! with translated code are write-protected ("watched") so that self-modification is noticed.

mod access;
mod aliases;
mod closed_code;
mod code;
mod code_page;
mod following;
mod forked;
mod native_code;
mod native_state;
mod objects;
mod own_content;
mod owning;
mod patches;
mod patching;
mod private_pages;
mod remap;
mod residence;
mod views;
mod written;

use alloc::collections::BTreeSet;

use reenact_freestanding::numbers as n;
use reenact_trace::{layout, FileId, MapRecord};
use reenact_translator::Translator;

use crate::error::ReplayError;
use crate::low_memory;
use crate::mappings::{AtFork, Mapping, MappingTable, PAGE};
use crate::shared_objects;
use crate::system;
use crate::trace_directory::TraceDirectory;

use native_state::NativeCode;
use patches::Patches;
use private_pages::PrivatePages;
use written::Written;
pub use written::{SharedMemory, BLOCK};

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

/// What a range of pages has before the reserved region and behind it, where it reaches into that: start and
/// length.
fn around_region(address: u64, length: u64) -> Option<[(u64, u64); 2]> {
    let length = page_up(length);
    if !layout::overlaps_region(address, length) {
        return None;
    }
    let end = address.saturating_add(length).min(ADDRESS_END);
    let before = (address, layout::REGION_START.saturating_sub(address));
    let behind = (layout::REGION_END, end.saturating_sub(layout::REGION_END));
    Some([before, behind])
}

/// The end of the pages that a call about `length` bytes concerns; `None`: it concerns none.
fn advised_end(address: u64, length: u64) -> Result<Option<u64>, ReplayError> {
    let length = page_up(length);
    if length == 0 {
        return Ok(None);
    }
    if !is_program_range(address, length) {
        return Err(ReplayError::BadMapping { address, length });
    }
    Ok(Some(address + length))
}

/// The memory of the program.
pub struct Memory {
    pub table: MappingTable,
    directory: TraceDirectory,
    /// Pages whose host protection lacks the write permission they have in the table.
    watched: BTreeSet<u64>,
    patches: Patches,
    written: Written,
    private_pages: PrivatePages,
    /// A page that must not be accessible.
    closed: Option<u64>,
    /// Whose memory it is.
    process: u32,
    native: NativeCode,
}

impl Memory {
    pub fn new(directory: TraceDirectory) -> Memory {
        Memory {
            table: MappingTable::default(),
            directory,
            watched: BTreeSet::new(),
            patches: Patches::default(),
            written: Written::default(),
            private_pages: PrivatePages::default(),
            closed: None,
            process: 0,
            native: NativeCode::default(),
        }
    }

    /// It is the memory of this process from now on.
    pub fn set_process(&mut self, process: u32) {
        self.process = process;
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
        let is_object = record.object != 0 && file == FileId::NONE;
        let is_shared = u64::from(record.flags) & n::MAP_SHARED != 0
            && file == FileId::NONE
            && (is_object || shared_objects::is_inherited());
        let visibility = if is_shared {
            n::MAP_SHARED
        } else {
            n::MAP_PRIVATE
        };
        let mut flags = visibility | n::MAP_FIXED | n::MAP_NORESERVE;
        let (descriptor, offset, file_size) = if is_object {
            let (descriptor, offset) =
                shared_objects::object_place(record.object, record.offset, length)
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
        self.close_written(address, address + length);
        self.private_pages.remove(address, address + length);
        let (flags_of_program, at_fork) = kept(record.flags);
        let mapping = Mapping {
            end: address + length,
            protection: record.protection & 7,
            flags: flags_of_program,
            file,
            offset: record.offset,
            file_size,
            object: if is_object { record.object } else { 0 },
            memory: self.memory_of(record),
            at_fork,
            execution: native_state::execution(record),
        };
        // SAFETY: the range is the program's (checked), nothing of ours.
        unsafe {
            low_memory::map(
                address,
                length,
                self.protection_of(&mapping),
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
        if mapping.protection & PROT_WRITE != 0 {
            self.forget_views(translator, address, address + length);
        }
        self.patches.remove(address, address + length);
        self.forget_native(address, address + length);
        Ok(())
    }

    /// Which shared memory a new mapping shows.
    fn memory_of(&mut self, record: &MapRecord) -> SharedMemory {
        if u64::from(record.flags) & n::MAP_SHARED == 0 || FileId(record.file) != FileId::NONE {
            0
        } else if record.object != 0 {
            record.object.into()
        } else {
            self.written.next_memory(self.process)
        }
    }

    /// How many mappings without a file this process and its ancestors have shared.
    pub fn shared_without_file(&self) -> u64 {
        self.written.mapped()
    }

    /// Go on behind so many.
    pub fn set_shared_without_file(&mut self, count: u64) {
        self.written.set_mapped(count);
    }

    /// Unmap a range of pages.
    pub fn unmap(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
    ) -> Result<(), ReplayError> {
        if let Some(parts) = around_region(address, length) {
            for (start, length) in parts.into_iter().filter(|&(_, length)| length > 0) {
                self.unmap(translator, start, length)?;
            }
            return Ok(());
        }
        let length = page_up(length);
        if !is_program_range(address, length) {
            return Err(ReplayError::BadMapping { address, length });
        }
        self.forget(translator, address, address + length);
        self.close_written(address, address + length);
        self.private_pages.remove(address, address + length);
        // SAFETY: the range is the program's.
        unsafe { low_memory::unmap(address, length) }.map_err(|error| {
            ReplayError::MappingRefused {
                address,
                length,
                errno: error.0,
            }
        })?;
        self.table.remove(address, address + length);
        self.patches.remove(address, address + length);
        self.forget_native(address, address + length);
        Ok(())
    }

    /// Unmap everything the program has.
    pub fn clear(&mut self, translator: &mut Translator) {
        translator.invalidate_all();
        self.close_written(0, u64::MAX);
        for (start, mapping) in self.table.iter() {
            // SAFETY: the range is the program's.
            let _ = unsafe { low_memory::unmap(start, mapping.end - start) };
        }
        self.table.clear();
        self.watched.clear();
        self.private_pages.remove(0, u64::MAX);
        self.patches.clear();
        self.clear_native();
    }

    /// Change the protection of what is mapped in the range.
    pub fn protect(
        &mut self,
        translator: &mut Translator,
        address: u64,
        length: u64,
        protection: u32,
    ) -> Result<(), ReplayError> {
        let Some(end) = advised_end(address, length)? else {
            return Ok(());
        };
        self.forget(translator, address, end);
        self.table.protect(address, end, protection & 7);
        if protection & PROT_WRITE != 0 {
            self.table
                .change(address, end, native_state::may_be_written);
            self.forget_views(translator, address, end);
        }
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
        const MAP_TYPE: u32 = n::MAP_TYPE as u32;
        if let Some(parts) = around_region(address, length) {
            for (start, length) in parts.into_iter().filter(|&(_, length)| length > 0) {
                self.discard(translator, start, length)?;
            }
            return Ok(());
        }
        let Some(end) = advised_end(address, length)? else {
            return Ok(());
        };
        self.forget(translator, address, end);
        for (start, mapping) in self.table.overlapping(address, end) {
            // What is shared with a file or other processes outlives the advice.
            if mapping.flags & MAP_TYPE == n::MAP_PRIVATE as u32 {
                let from = start.max(address);
                // SAFETY: the range is the program's, which asked for this.
                let _ =
                    unsafe { system::advise(from, mapping.end.min(end) - from, n::MADV_DONTNEED) };
            }
        }
        if self.private_pages.remove(address, end) {
            self.table.note_change();
            self.restore_protection(address, end);
        }
        Ok(())
    }

    /// Give the host mappings of the range the protection the table says.
    /// No page of the range may be watched.
    fn restore_protection(&mut self, start: u64, end: u64) {
        self.native.pages.forget(start, end);
        for (from, mapping) in self.table.overlapping(start, end) {
            let (from, to) = (from.max(start), mapping.end.min(end));
            // SAFETY: the range is the program's.
            let _ = unsafe { system::protect(from, to - from, self.protection_of(mapping)) };
        }
        self.reopen_written(start, end);
        self.reopen_private(start, end);
        self.close_again(start, end);
    }
}

/// Flags of a mapping, and what forked children have in its place. What the kernel could empty whenever it likes
/// (MAP_DROPPABLE) is private memory for the recorder, which keeps it.
fn kept(flags: u32) -> (u32, AtFork) {
    const TYPE: u32 = n::MAP_TYPE as u32;
    if flags & TYPE != n::MAP_DROPPABLE as u32 {
        return (flags, AtFork::default());
    }
    let at_fork = AtFork {
        is_wiped: true,
        ..AtFork::default()
    };
    (flags & !TYPE | n::MAP_PRIVATE as u32, at_fork)
}

/// What the host mapping of a page with this protection gets, but for execution, which is the translator's or
/// [`native_code`]'s.
pub fn host_protection(protection: u32) -> u64 {
    let mut host = u64::from(protection) & (n::PROT_READ | n::PROT_WRITE);
    if protection & PROT_EXEC != 0 {
        host |= n::PROT_READ;
    }
    host
}
