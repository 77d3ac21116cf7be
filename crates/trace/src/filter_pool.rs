//! The seccomp filters that recorded programs have installed, in the arena: a thread's are named by one number,
//! which forks, new threads and new images inherit. What is written here does not change any more, and
//! nothing is taken back: a program that is there already is not written once more.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::arena::{SITE_POOL_ENTRIES, SITE_POOL_OFFSET};
use crate::sharing::MAPPED_FILES_OFFSET;

/// Offset of the pool in the arena.
pub const FILTER_POOL_OFFSET: u64 = SITE_POOL_OFFSET + (SITE_POOL_ENTRIES * 8) as u64;
/// What the pool is given out in, bytes.
pub const FILTER_UNIT: u64 = 64;
/// Units there are. Number 0 names nothing.
pub const FILTER_UNITS: u32 = ((MAPPED_FILES_OFFSET - FILTER_POOL_OFFSET) / FILTER_UNIT) as u32;
/// Calls below this number can be known to be allowed always.
pub const KNOWN_CALLS: usize = 512;

/// One filter, and with it all those that its thread had before.
#[repr(C)]
pub struct FilterEntry {
    /// The filter that was installed before; 0: none.
    pub previous: u32,
    /// Its program ([`FilterProgram`]).
    pub program: u32,
    /// Instructions of all filters together, as the kernel counts them.
    pub cost: u32,
    pub reserved: u32,
    /// A bit for each call of the native architecture that all of them allow whatever its arguments are.
    pub always_allowed: [u64; KNOWN_CALLS / 64],
}

/// A program; its instructions, of 8 bytes each, follow.
#[repr(C)]
pub struct FilterProgram {
    /// The program that was written before; 0: none.
    pub before: u32,
    pub length: u32,
    pub checksum: u64,
}

impl FilterProgram {
    /// Bytes of its instructions.
    pub fn bytes(&self) -> u64 {
        u64::from(self.length) * 8
    }
}

/// Take units for so many bytes; `None`: there is no room.
pub fn take(used: &AtomicU32, bytes: u64) -> Option<u32> {
    let units = u32::try_from(bytes.div_ceil(FILTER_UNIT)).ok()?;
    let taken = used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
        let end = used.max(1).checked_add(units)?;
        (end <= FILTER_UNITS).then_some(end)
    });
    taken.ok().map(|used| used.max(1))
}

const _: () =
    assert!(FILTER_POOL_OFFSET + FILTER_UNITS as u64 * FILTER_UNIT <= MAPPED_FILES_OFFSET);
