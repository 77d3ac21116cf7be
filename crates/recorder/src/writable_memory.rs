//! The memory that the program can have written, as the files under `/proc` tell it.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};

use crate::pagemap::{Scan, FILE, PRESENT, REGIONS, SWAPPED, ZERO};
use crate::{maps_file, shared};

/// Where the kernel cannot say what of a range has content, larger ones are left out: reading
/// them would take seconds.
const RANGE_MAX: u64 = 256 << 20;

/// A writable mapping of the program.
#[derive(Clone, Copy)]
pub struct Range {
    pub from: u64,
    pub to: u64,
    /// It is shared, and the running process's alone until it releases the token.
    pub is_shared: bool,
}

/// The files that tell it, open.
pub struct WritableMemory {
    maps: i64,
    pages: i64,
}

fn open(name: &core::ffi::CStr) -> i64 {
    let flags = O_RDONLY | O_CLOEXEC;
    // SAFETY: a name of ours.
    unsafe { syscall4(OPENAT, AT_FDCWD as u64, name.as_ptr() as u64, flags, 0) }
}

impl WritableMemory {
    /// `None` without `/proc`.
    pub fn open() -> Option<WritableMemory> {
        let maps = open(c"/proc/self/maps");
        (maps >= 0).then(|| WritableMemory {
            maps,
            pages: open(c"/proc/self/pagemap"),
        })
    }

    /// `/proc/self/pagemap`, if it is open.
    pub fn pages(&self) -> i64 {
        self.pages
    }

    /// Go through all mappings, in order of their addresses. Once.
    pub fn ranges(&self, mut each: impl FnMut(Range)) {
        let mut buffer = [0u8; 8192];
        let mut held = 0;
        loop {
            // SAFETY: the free part of our buffer.
            let count = unsafe {
                syscall3(
                    READ,
                    self.maps as u64,
                    buffer.as_mut_ptr() as u64 + held as u64,
                    (buffer.len() - held) as u64,
                )
            };
            if count <= 0 {
                return;
            }
            held += count as usize;
            let mut start = 0;
            while let Some(length) = buffer[start..held].iter().position(|&byte| byte == b'\n') {
                if let Some(range) = range(&buffer[start..start + length]) {
                    each(range);
                }
                start += length + 1;
            }
            buffer.copy_within(start..held, 0);
            held -= start;
        }
    }

    /// The parts of a mapping, from `least` on, that can have been written, as far as the kernel can tell: neither
    /// zero pages nor those of a file that nobody has written to.
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
                // A kernel before 6.7.
                if range.to - at <= RANGE_MAX {
                    each(at, range.to);
                }
                return;
            };
            for &[start, end, _] in &regions[..count] {
                each(start.max(at), end);
            }
            at = end;
        }
    }
}

impl Drop for WritableMemory {
    fn drop(&mut self) {
        // SAFETY: our descriptors.
        unsafe {
            syscall2(CLOSE, self.maps as u64, 0);
            if self.pages >= 0 {
                syscall2(CLOSE, self.pages as u64, 0);
            }
        }
    }
}

/// The mapping that a line of the maps file is about, if it is writable memory of the program.
fn range(line: &[u8]) -> Option<Range> {
    let dash = line.iter().position(|&byte| byte == b'-')?;
    let space = dash + line[dash..].iter().position(|&byte| byte == b' ')?;
    let permissions = line.get(space + 1..space + 5)?;
    let from = maps_file::hexadecimal(&line[..dash]);
    let to = maps_file::hexadecimal(&line[dash + 1..space]);
    let is_shared = permissions[3] == b's';
    let wanted = permissions.starts_with(b"rw")
        && (!is_shared || shared::is_known(from, to))
        && !maps_file::is_ours(line);
    wanted.then_some(Range {
        from,
        to,
        is_shared,
    })
}
