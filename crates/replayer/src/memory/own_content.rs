//! What memory holds that is neither zero nor, in mappings of files, what the file has.

use alloc::vec;
use alloc::vec::Vec;

use reenact_trace::FileId;

use super::residence::Residence;
use super::{host_protection, Memory};
use crate::guarded_copy::guarded_copy;
use crate::mappings::{Mapping, PAGE};
use crate::system::{self, Errno};
use reenact_freestanding::numbers as n;

/// Bytes that are looked at at a time.
const PIECE: usize = 64 << 10;
const PAGE_SIZE: usize = PAGE as usize;

/// Takes the content of some pages: their address, and what they hold.
pub type Take<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Errno> + 'a;

impl Memory {
    /// The mappings in order, those put together that only differ in which engine executes them.
    pub fn whole_mappings(&self) -> Vec<(u64, Mapping)> {
        let mut whole: Vec<(u64, Mapping)> = Vec::new();
        for (start, mapping) in self.table.iter() {
            let mut mapping = *mapping;
            if mapping.file == FileId::NONE && mapping.object == 0 {
                // Where it was cut from another one does not matter.
                mapping.offset = 0;
            }
            if let Some((first, last)) = whole.last_mut() {
                let continued = Mapping {
                    end: mapping.end,
                    offset: if mapping.file == FileId::NONE && mapping.object == 0 {
                        0
                    } else {
                        last.offset.wrapping_add(start - *first)
                    },
                    execution: mapping.execution,
                    ..*last
                };
                if last.end == start && continued == mapping {
                    last.end = mapping.end;
                    continue;
                }
            }
            whole.push((start, mapping));
        }
        whole
    }

    /// Give what is the program's own of a mapping to `take`, in order.
    pub fn own_content(
        &mut self,
        start: u64,
        mapping: &Mapping,
        take: &mut Take<'_>,
    ) -> Result<(), Errno> {
        let length = mapping.end - start;
        let is_closed = host_protection(mapping.protection) & n::PROT_READ == 0;
        if is_closed {
            // SAFETY: the range is the program's, and is closed again.
            unsafe { system::protect(start, length, n::PROT_READ) }?;
        }
        let done = self.own_pages_of(start, mapping, take);
        if is_closed {
            self.restore_protection(start, mapping.end);
        }
        done
    }

    fn own_pages_of(
        &self,
        start: u64,
        mapping: &Mapping,
        take: &mut Take<'_>,
    ) -> Result<(), Errno> {
        let mut residence = Residence::new();
        let (mut now, mut without) = (vec![0u8; PIECE], vec![0u8; PIECE]);
        let mut stretch = start;
        while stretch < mapping.end {
            let stretch_end = (stretch + Residence::STRETCH).min(mapping.end);
            residence.look(stretch, stretch_end)?;
            let mut at = stretch;
            while at < stretch_end {
                let length = (stretch_end - at).min(PIECE as u64) as usize;
                let first = ((at - stretch) / PAGE) as usize;
                if (first..first + length / PAGE_SIZE).any(|page| residence.has(page)) {
                    self.content_without_program(start, mapping, at, &mut without[..length])?;
                    copy(at, &mut now[..length], &without[..length]);
                    give(at, &now[..length], &without[..length], take)?;
                }
                at += length as u64;
            }
            stretch = stretch_end;
        }
        Ok(())
    }

    /// What would be in a part of a mapping if the program had written nothing there.
    fn content_without_program(
        &self,
        start: u64,
        mapping: &Mapping,
        at: u64,
        content: &mut [u8],
    ) -> Result<(), Errno> {
        if mapping.file == FileId::NONE {
            return Ok(());
        }
        let Some(file) = self.directory.file(mapping.file.0) else {
            content.fill(0);
            return Ok(());
        };
        let offset = mapping.offset.wrapping_add(at - start);
        let length = system::read_at(file.descriptor, content, offset)?;
        content[length..].fill(0);
        Ok(())
    }
}

/// Copy memory; a page that cannot be read (behind the end of its file) has `otherwise`.
fn copy(address: u64, content: &mut [u8], otherwise: &[u8]) {
    let mut done = 0;
    while done < content.len() {
        let (to, left) = (&mut content[done..], otherwise.len() - done);
        let from = (address + done as u64) as *const u8;
        // SAFETY: the source is the program's; a fault ends the copy.
        let left = left - unsafe { guarded_copy(to.as_mut_ptr(), from, left as u64) } as usize;
        done += left;
        if done < content.len() {
            let end = (done + 1).next_multiple_of(PAGE_SIZE).min(content.len());
            content[done..end].copy_from_slice(&otherwise[done..end]);
            done = end;
        }
    }
}

/// Give the pages in which the two differ.
fn give(address: u64, now: &[u8], without: &[u8], take: &mut Take<'_>) -> Result<(), Errno> {
    let mut begin = None;
    for at in (0..=now.len()).step_by(PAGE_SIZE) {
        let differs = at < now.len() && now[at..at + PAGE_SIZE] != without[at..at + PAGE_SIZE];
        match (begin, differs) {
            (None, true) => begin = Some(at),
            (Some(first), false) => {
                take(address + first as u64, &now[first..at])?;
                begin = None;
            }
            _ => {}
        }
    }
    Ok(())
}
