//! Which pages of a mapping the kernel has anything for.

use linux_raw_sys::general::{__NR_mincore, __NR_sysinfo};
use linux_raw_sys::system::sysinfo;
use reenact_freestanding::syscall::{syscall1, syscall3};

use crate::mappings::PAGE;
use crate::system::{check, Errno};

/// Pages that are asked for at a time.
const PAGES: usize = 512;

/// Answers about a few pages.
pub struct Residence {
    answers: [u8; PAGES],
    is_swapping: bool,
}

impl Residence {
    pub fn new() -> Residence {
        Residence {
            answers: [1; PAGES],
            is_swapping: is_swapping(),
        }
    }

    /// Bytes whose pages are asked for at a time.
    pub const STRETCH: u64 = PAGES as u64 * PAGE;

    /// Look at a stretch of a mapping, at most [`Residence::STRETCH`] bytes.
    ///
    /// The kernel does not tell a page that is in swap space from one that never was: where there are such, every page
    /// counts.
    pub fn look(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        if self.is_swapping {
            return Ok(());
        }
        // SAFETY: the kernel writes a byte a page, for which there is room.
        check(unsafe {
            syscall3(
                u64::from(__NR_mincore),
                start,
                end - start,
                self.answers.as_mut_ptr() as u64,
            )
        })
        .map(drop)
    }

    /// Whether there may be something in the page that is so many pages behind the start of the stretch.
    pub fn has(&self, page: usize) -> bool {
        self.answers.get(page).is_none_or(|answer| answer & 1 != 0)
    }
}

/// Whether any page of any process is in swap space, or it cannot be told.
fn is_swapping() -> bool {
    let mut told = core::mem::MaybeUninit::<sysinfo>::zeroed();
    // SAFETY: the kernel writes the structure only; zeros are a valid value of it.
    let (result, told) = unsafe {
        let result = syscall1(u64::from(__NR_sysinfo), told.as_mut_ptr() as u64);
        (result, told.assume_init())
    };
    result != 0 || told.freeswap != told.totalswap
}
