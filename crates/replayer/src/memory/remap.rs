//! `mremap`.

use alloc::vec::Vec;

use reenact_freestanding::numbers as n;
use reenact_trace::sharing::LAST_OBJECT;
use reenact_trace::{FileId, MapRecord};
use reenact_translator::Translator;

use super::{is_program_range, page_up, Memory, SharedMemory};
use crate::error::ReplayError;
use crate::guarded_copy::guarded_copy;
use crate::low_memory;
use crate::mappings::{Mapping, PAGE};
use crate::shared_objects;
use crate::system;

impl Memory {
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
        // To the kernel, the longest length of all is none (`PAGE_ALIGN`).
        let old_length = old_length.checked_next_multiple_of(PAGE).unwrap_or(0);
        let new_length = page_up(new_length);
        if old_length == 0 {
            return self.map_once_more(translator, old_address, new_address, new_length);
        }
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
                offset: if last.file == FileId::NONE && last.memory == 0 && last.object == 0 {
                    0
                } else {
                    offset
                },
                file_size: 0,
            };
            self.map(translator, new_address + old_length, &record)?;
            let end = new_address + new_length;
            self.table.change(new_address + old_length, end, |grown| {
                grown.at_fork = last.at_fork;
                grown.memory = last.memory;
                grown.execution = last.execution;
            });
        }
        Ok(())
    }

    /// Without a length, the same shared memory is mapped at another place, too.
    fn map_once_more(
        &mut self,
        translator: &mut Translator,
        old_address: u64,
        new_address: u64,
        new_length: u64,
    ) -> Result<(), ReplayError> {
        let Some((start, &mapping)) = self.table.find(old_address) else {
            return Err(ReplayError::NotMapped {
                address: old_address,
                length: new_length,
            });
        };
        let mut record = MapRecord {
            length: new_length,
            protection: mapping.protection,
            flags: mapping.flags,
            file: mapping.file.0,
            object: mapping.object,
            offset: mapping.offset.wrapping_add(old_address - start),
            file_size: 0,
        };
        if mapping.file == FileId::NONE && mapping.object == 0 {
            if shared_objects::is_inherited() {
                return self.map_same_memory(old_address, new_address, &record, mapping);
            }
            record.object = self.become_object(translator, mapping.memory)?;
        }
        self.map(translator, new_address, &record)?;
        let end = new_address + page_up(new_length);
        self.table
            .change(new_address, end, |other| other.memory = mapping.memory);
        Ok(())
    }

    /// Memory without a file, which a process that is replayed alone has for itself, is an object from now on: it is
    /// to be mapped twice.
    fn become_object(
        &mut self,
        translator: &mut Translator,
        memory: SharedMemory,
    ) -> Result<u32, ReplayError> {
        // Those of the recording are numbered from below.
        let is_free = |object: &u32| self.table.of_object(*object).next().is_none();
        let object = (1..LAST_OBJECT).rev().find(is_free);
        let object = object.ok_or(ReplayError::BadEvent(
            "more shared objects than there can be",
        ))?;
        let pieces: Vec<(u64, Mapping)> = self
            .table
            .iter()
            .filter(|(_, mapping)| memory != 0 && mapping.memory == memory)
            .map(|(start, mapping)| (start, *mapping))
            .collect();
        for (start, mapping) in pieces {
            self.forget(translator, start, mapping.end);
            // SAFETY: the range is the program's, and mapped anew below.
            let _ = unsafe { system::protect(start, mapping.end - start, n::PROT_READ) };
            for page in (start..mapping.end).step_by(PAGE as usize) {
                let mut content = [0; PAGE as usize];
                self.read_original(page, &mut content)?;
                if content != [0; PAGE as usize] {
                    let offset = mapping.offset.wrapping_add(page - start);
                    self.write_object(translator, object, offset, &content)?;
                }
            }
            let record = MapRecord {
                length: mapping.end - start,
                protection: mapping.protection,
                flags: mapping.flags,
                file: FileId::NONE.0,
                object,
                offset: mapping.offset,
                file_size: 0,
            };
            self.map(translator, start, &record)?;
            self.table.change(start, mapping.end, |piece| {
                piece.memory = mapping.memory;
                piece.at_fork = mapping.at_fork;
                piece.execution = mapping.execution;
            });
        }
        Ok(object)
    }

    /// Memory without a file has no name by which it could be mapped: the kernel does it.
    fn map_same_memory(
        &mut self,
        old_address: u64,
        new_address: u64,
        record: &MapRecord,
        mapping: Mapping,
    ) -> Result<(), ReplayError> {
        let (address, length) = (new_address, record.length);
        if !is_program_range(address, length) {
            return Err(ReplayError::BadMapping { address, length });
        }
        // SAFETY: the range is the program's, which asked for this.
        unsafe { system::map_once_more(old_address, length, address) }.map_err(|error| {
            ReplayError::MappingRefused {
                address,
                length,
                errno: error.0,
            }
        })?;
        let end = address + length;
        let offset = record.offset;
        self.table.insert(
            address,
            Mapping {
                end,
                offset,
                ..mapping
            },
        );
        self.restore_protection(address, end);
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
        if mapping.is_private_view() {
            return self.move_private_view(translator, from, target, &record, keep_old);
        }
        self.close_written(from, to);
        self.map(translator, target, &record)?;
        self.table.change(target, target + length, |moved| {
            moved.at_fork = mapping.at_fork;
            moved.memory = mapping.memory;
            moved.execution = mapping.execution;
        });
        let is_low = low_memory::contains(from) || low_memory::contains(target);
        // SAFETY: both ranges are the program's; the target was just mapped for this.
        let moved = !is_low && unsafe { system::move_mapping(from, length, target) }.is_ok();
        if !moved {
            self.copy_pages(from, target, length)?;
        }
        if keep_old {
            // What shows a file does so again; what has none is empty.
            self.map(translator, from, &record)?;
            self.table.change(from, to, |kept| {
                kept.memory = mapping.memory;
                kept.execution = mapping.execution;
            });
            Ok(())
        } else {
            self.unmap(translator, from, length)
        }
    }

    /// A private mapping of an object: what it shows is found anew, its own pages go along.
    fn move_private_view(
        &mut self,
        translator: &mut Translator,
        from: u64,
        target: u64,
        record: &MapRecord,
        keep_old: bool,
    ) -> Result<(), ReplayError> {
        let end = from + record.length;
        let at_fork = self.table.find(from).map(|(_, mapping)| mapping.at_fork);
        let saved = self.save_private(from, end);
        self.map(translator, target, record)?;
        self.table.change(target, target + record.length, |moved| {
            moved.at_fork = at_fork.unwrap_or_default();
        });
        self.restore_private(&saved, target.wrapping_sub(from))?;
        if keep_old {
            self.map(translator, from, record)
        } else {
            self.unmap(translator, from, record.length)
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
