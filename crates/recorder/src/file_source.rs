//! Files of the program that are read: what they have, and where they have holes.
//!
//! Always by the program's own descriptor: to close another one of the same file would release the locks that the
//! process has on it (fcntl(2): they are lost when any descriptor of the file is closed).

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4, syscall6};

use crate::guest;

/// What is behind a descriptor of the program.
pub struct Source {
    descriptor: u64,
    is_sparse: bool,
}

impl Source {
    pub fn of(fd: i32) -> Source {
        const SIZE: usize = 6;
        const BLOCKS: usize = 8;
        let mut stat = [0u64; 18];
        // SAFETY: struct stat is 144 bytes.
        unsafe { syscall2(FSTAT, fd as u64, stat.as_mut_ptr() as u64) };
        Source {
            descriptor: fd as u64,
            is_sparse: stat[BLOCKS].saturating_mul(512) < stat[SIZE],
        }
    }

    pub fn descriptor(&self) -> u64 {
        self.descriptor
    }

    /// Fill as much of a buffer as the file has from an offset on; false: it cannot be read.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> bool {
        let mut done = 0;
        while done < into.len() {
            let (rest, at) = (&mut into[done..], offset + done as u64);
            let (to, length) = (rest.as_mut_ptr() as u64, rest.len() as u64);
            // SAFETY: the kernel writes to the buffer only.
            let count = unsafe { syscall4(PREAD64, self.descriptor, to, length, at) };
            match count {
                1.. => done += count as usize,
                0 => break,
                error if error == -EINTR => {}
                // What is opened with O_DIRECT is read in whole blocks only.
                error if error == -EINVAL => return self.read_mapped(offset, into),
                _ => return false,
            }
        }
        into[done..].fill(0);
        true
    }

    fn read_mapped(&self, offset: u64, into: &mut [u8]) -> bool {
        let start = guest::page_down(offset);
        let skipped = (offset - start) as usize;
        let length = guest::page_up((skipped + into.len()) as u64);
        // SAFETY: a fresh mapping at a place the kernel chooses, unmapped again.
        unsafe {
            let mapped = syscall6(
                MMAP,
                0,
                length,
                PROT_READ,
                MAP_SHARED,
                self.descriptor,
                start,
            );
            if mapped < 0 {
                return false;
            }
            let is_read = guest::read(mapped as u64 + skipped as u64, into);
            syscall2(MUNMAP, mapped as u64, length);
            is_read
        }
    }

    /// The next data from an offset on, before `end`: where it begins and where it ends. `None`: there is none.
    pub fn next_data(&self, offset: u64, end: u64) -> Option<[u64; 2]> {
        let all = (offset < end).then_some([offset, end]);
        if !self.is_sparse {
            return all;
        }
        // SAFETY: the position of the program's descriptor, which is set again at the end.
        let seek = |from: u64, whence| unsafe { syscall3(LSEEK, self.descriptor, from, whence) };
        let position = seek(0, SEEK_CUR);
        let found = match seek(offset, SEEK_DATA) {
            error if error == -ENXIO => None,
            // Where the file system knows of no holes, all is data.
            ..0 => all,
            data => {
                let hole = seek(data as u64, SEEK_HOLE);
                let until = if hole > data { hole as u64 } else { end };
                ((data as u64) < end).then(|| [data as u64, until.min(end)])
            }
        };
        if position >= 0 {
            /// `SEEK_SET`.
            const FROM_START: u64 = 0;
            seek(position as u64, FROM_START);
        }
        found
    }
}
