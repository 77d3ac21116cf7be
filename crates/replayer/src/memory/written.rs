//! What a process has changed in shared memory: pages with what they held before its turn, and the changes.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::mappings::PAGE;

/// Bytes that are compared, and told, at a time.
pub const BLOCK: usize = 512;

/// Which shared memory a mapping shows: the same number in each process that has it. 0: none.
pub type SharedMemory = u64;

/// Set in the number of memory without a file, which only forked children have in common.
const WITHOUT_FILE: u64 = 1 << 63;

/// A block that was changed.
pub struct WrittenBlock {
    pub memory: SharedMemory,
    /// Of the block in the memory, bytes.
    pub offset: u64,
    pub content: [u8; BLOCK],
}

/// The pages written in this turn.
#[derive(Default)]
pub struct Written {
    pub is_followed: bool,
    /// What they held before, by address.
    pub pages: BTreeMap<u64, Box<[u8; PAGE as usize]>>,
    /// Changes to what has been closed again or unmapped since.
    pub changes: Vec<WrittenBlock>,
    /// Mappings without a file that this process and its ancestors have made.
    mapped: u64,
}

impl Written {
    /// How many there were so far.
    pub fn mapped(&self) -> u64 {
        self.mapped
    }

    /// Go on behind so many.
    pub fn set_mapped(&mut self, mapped: u64) {
        self.mapped = mapped;
    }

    /// The number for memory without a file that `process` maps now.
    pub fn next_memory(&mut self, process: u32) -> SharedMemory {
        self.mapped += 1;
        WITHOUT_FILE | u64::from(process) << 32 | self.mapped & 0xffff_ffff
    }
}
