//! `PAGEMAP_SCAN`: which pages of a range have content, which have been written, and protecting them
//! against writing (Documentation/admin-guide/mm/pagemap.rst; Linux 6.7).

use reenact_freestanding::numbers::IOCTL;
use reenact_freestanding::syscall::syscall3;

/// `_IOWR('f', 16, struct pm_scan_arg)` of include/uapi/linux/fs.h.
const PAGEMAP_SCAN: u64 = 0xc060_6610;

pub const WRITTEN: u64 = 1 << 1;
pub const FILE: u64 = 1 << 2;
pub const PRESENT: u64 = 1 << 3;
pub const SWAPPED: u64 = 1 << 4;
pub const ZERO: u64 = 1 << 5;

/// Protect what is told against writing, so that it is not told again before it has been written.
pub const PROTECT: u64 = 1;
/// Refuse memory whose written pages are not known.
pub const ONLY_TRACKED: u64 = 2;

/// Regions that are told at once.
pub const REGIONS: usize = 64;

/// Start, end and categories of a region.
pub type Region = [u64; 3];

/// What to look for.
pub struct Scan {
    pub flags: u64,
    pub from: u64,
    pub to: u64,
    /// Categories whose absence counts.
    pub inverted: u64,
    /// A page has all of these,
    pub all_of: u64,
    /// and one of these.
    pub any_of: u64,
}

impl Scan {
    /// Fill `regions`, which may be empty: how many there are, and how far the kernel has looked.
    /// `None` where the kernel cannot say, or `pages` (`/proc/self/pagemap`) is not open.
    pub fn run(&self, pages: i64, regions: &mut [Region]) -> Option<(usize, u64)> {
        let (vector, told) = if regions.is_empty() {
            (0, 0)
        } else {
            (regions.as_mut_ptr() as u64, PRESENT)
        };
        // struct pm_scan_arg
        let mut request = [
            size_of::<[u64; 12]>() as u64,
            self.flags,
            self.from,
            self.to,
            0,
            vector,
            regions.len() as u64,
            0,
            self.inverted,
            self.all_of,
            self.any_of,
            told,
        ];
        let address = request.as_mut_ptr() as u64;
        // SAFETY: a request of ours and room for as many regions as it says.
        let count = unsafe { syscall3(IOCTL, pages as u64, PAGEMAP_SCAN, address) };
        let looked_to = request[4];
        (count >= 0 && looked_to > self.from).then_some((count as usize, looked_to))
    }
}
