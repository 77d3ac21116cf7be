//! The memory that the program can have written.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};

use crate::pagemap::{Scan, FILE, PRESENT, REGIONS, SWAPPED, ZERO};
use crate::{address_space, shared};

/// Where the kernel cannot say what of a range was written, so much of it is read at most: more would take seconds.
const MOST_READ: u64 = 256 << 20;

/// A writable mapping of the program.
#[derive(Clone, Copy)]
pub struct Range {
    pub from: u64,
    pub to: u64,
    /// It is shared, and the running process's alone until it releases the token.
    pub is_shared: bool,
}

/// What tells it.
pub struct WritableMemory {
    /// `/proc/self/pagemap`, if it can be opened: it says which pages have content.
    pages: i64,
}

impl WritableMemory {
    pub fn open() -> WritableMemory {
        let (name, flags) = (c"/proc/self/pagemap".as_ptr() as u64, O_RDONLY | O_CLOEXEC);
        // SAFETY: a name of ours.
        let pages = unsafe { syscall4(OPENAT, AT_FDCWD as u64, name, flags, 0) };
        WritableMemory { pages }
    }

    /// The descriptor of `/proc/self/pagemap`, or an error.
    pub fn pages(&self) -> i64 {
        self.pages
    }

    /// Go through all mappings, in order of their addresses.
    pub fn ranges(&self, mut each: impl FnMut(Range)) {
        const NEEDED: u64 = PROT_READ | PROT_WRITE;
        address_space::for_areas(0, u64::MAX, |area| {
            let &address_space::Area {
                start: from,
                end: to,
                is_shared,
                ..
            } = area;
            let is_written = u64::from(area.protection) & NEEDED == NEEDED;
            if is_written && (!is_shared || shared::is_known(from, to)) {
                each(Range {
                    from,
                    to,
                    is_shared,
                });
            }
        });
    }

    /// The parts of a mapping, from `least` on, that can have been written, as far as the kernel can tell: neither
    /// zero pages nor those of a file that nobody has written to. Not all of a part need be readable.
    pub fn parts(&self, range: Range, least: u64, mut each: impl FnMut(u64, u64)) {
        // All shared memory is a file's to the kernel.
        let unwritten = if range.is_shared { ZERO } else { FILE | ZERO };
        let mut regions = [[0u64; 3]; REGIONS];
        let mut at = least;
        while at < range.to {
            let scan = Scan {
                flags: 0,
                from: at & !(PAGE - 1),
                to: range.to,
                inverted: unwritten,
                all_of: unwritten,
                any_of: PRESENT | SWAPPED,
            };
            let Some((count, end)) = scan.run(self.pages, &mut regions) else {
                // A kernel before 6.7, or no /proc.
                return resident_parts(at, range.to, each);
            };
            for &[start, end, _] in &regions[..count] {
                each(start.max(at), end);
            }
            at = end;
        }
    }
}

/// The parts of a range that are in memory: what was written is, unless it was swapped out.
fn resident_parts(from: u64, to: u64, mut each: impl FnMut(u64, u64)) {
    /// Pages that are asked for at once.
    const PAGES: usize = 1024;
    let mut left = MOST_READ;
    let mut at = from;
    while at < to && left > 0 {
        let start = at & !(PAGE - 1);
        let end = to.min(start + PAGES as u64 * PAGE);
        // Where the kernel says nothing, the mapping is another one than is known, and may be read in vain.
        let mut is_resident = [1u8; PAGES];
        let vector = is_resident.as_mut_ptr() as u64;
        // SAFETY: a vector of ours with a byte for each page.
        unsafe { syscall3(MINCORE, start, end - start, vector) };
        let pages = is_resident.iter().zip((start..end).step_by(PAGE as usize));
        for (_, page) in pages.filter(|(is_resident, _)| **is_resident & 1 != 0) {
            each(page.max(from), (page + PAGE).min(to));
            left = left.saturating_sub(PAGE);
        }
        at = end;
    }
}

impl Drop for WritableMemory {
    fn drop(&mut self) {
        if self.pages >= 0 {
            // SAFETY: our descriptor.
            unsafe { syscall2(CLOSE, self.pages as u64, 0) };
        }
    }
}
