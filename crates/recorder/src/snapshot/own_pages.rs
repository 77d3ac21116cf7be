//! Which pages of a mapping are the program's own: written to since they were mapped.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall1, syscall4};

use crate::guest;
use crate::pagemap::{Scan, FILE, PRESENT, REGIONS, SWAPPED, ZERO};

/// Bits of a word of `/proc/PID/pagemap` (Documentation/admin-guide/mm/pagemap.rst).
const IS_PRESENT: u64 = 1 << 63;
const IS_SWAPPED: u64 = 1 << 62;
const IS_OF_FILE: u64 = 1 << 61;
/// Words that are read at once.
const WORDS: usize = 512;

/// What tells it.
pub struct OwnPages {
    /// `/proc/self/pagemap`, or an error.
    pages: i64,
}

impl OwnPages {
    pub fn open() -> OwnPages {
        let (name, flags) = (c"/proc/self/pagemap".as_ptr() as u64, O_RDONLY | O_CLOEXEC);
        // SAFETY: a name of ours.
        let pages = unsafe { syscall4(OPENAT, AT_FDCWD as u64, name, flags, 0) };
        OwnPages { pages }
    }

    /// Give the parts of a private mapping that can hold something else than zeros or its file.
    pub fn parts(&self, from: u64, to: u64, mut each: impl FnMut(u64, u64)) {
        let mut regions = [[0u64; 3]; REGIONS];
        let mut at = from;
        while at < to {
            let scan = Scan {
                flags: 0,
                from: at,
                to,
                inverted: FILE | ZERO,
                all_of: FILE | ZERO,
                any_of: PRESENT | SWAPPED,
            };
            let Some((count, end)) = scan.run(self.pages, &mut regions) else {
                // A kernel before 6.7, or no procfs.
                return self.parts_by_word(at, to, each);
            };
            for &[start, end, _] in &regions[..count] {
                each(start, end);
            }
            at = end;
        }
    }

    fn parts_by_word(&self, from: u64, to: u64, mut each: impl FnMut(u64, u64)) {
        let mut words = [0u64; WORDS];
        let mut at = from;
        while at < to {
            let end = to.min(at + WORDS as u64 * PAGE);
            let (wanted, place) = ((end - at) / PAGE * 8, at / PAGE * 8);
            let into = words.as_mut_ptr() as u64;
            // SAFETY: words of ours; fails where there is no such file.
            let read = unsafe { syscall4(PREAD64, self.pages as u64, into, wanted, place) };
            let is_known = read == wanted as i64;
            for (index, page) in (at..end).step_by(PAGE as usize).enumerate() {
                let word = words[index];
                let is_own = word & (IS_PRESENT | IS_SWAPPED) != 0 && word & IS_OF_FILE == 0;
                let is_own = if is_known {
                    is_own
                } else {
                    guest::read(page, &mut [0])
                };
                if is_own {
                    each(page, page + PAGE);
                }
            }
            at = end;
        }
    }
}

impl Drop for OwnPages {
    fn drop(&mut self) {
        if self.pages >= 0 {
            // SAFETY: our descriptor.
            unsafe { syscall1(CLOSE, self.pages as u64) };
        }
    }
}
