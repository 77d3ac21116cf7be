//! What a supervisor tells a recorder that it has put into a running process.
//!
//! The supervisor holds all threads of the process by ptrace. It maps some memory at [`layout::ATTACHING_ADDRESS`] and the
//! recorder at its own place, fills in an [`Attaching`] and lets one thread after the other run the recorder: once for
//! [`step::PROCESS`] or [`step::THREAD`], which come back by a breakpoint with the end of the thread's stack in `rax`, or
//! -errno; then, when all have, on that stack for [`step::GO`], which goes on with the program.

use crate::layout;
use crate::registers::Registers;

/// Bytes mapped at [`layout::ATTACHING_ADDRESS`]: the structure, then room for the supervisor, then a stack that grows down from
/// the end.
pub const SIZE: u64 = 256 << 10;
/// Where the supervisor puts what it passes to system calls.
pub const ROOM_ADDRESS: u64 = layout::ATTACHING_ADDRESS + (64 << 10);
/// Where mappings are told.
pub const MAPPINGS_ADDRESS: u64 = layout::ATTACHING_ADDRESS + SIZE;
/// Longest path of a mapped file, with its NUL.
pub const PATH_MAX: usize = 4096;

/// How far before the entry point of the recorder the one is by which it begins in a running process. `rdi` says what to do.
pub const ENTRY_BEFORE: u64 = 16;

/// What the recorder does.
pub mod step {
    /// Take the process over, in its first thread.
    pub const PROCESS: u64 = 0;
    /// Take another thread over.
    pub const THREAD: u64 = 1;
    /// Go on with the program.
    pub const GO: u64 = 2;
}

/// All that is told.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Attaching {
    /// The descriptor of the arena.
    pub arena: u64,
    /// Start and end of the heap segment.
    pub heap: [u64; 2],
    /// Where the vDSO is; 0: there is none.
    pub vdso: u64,
    /// How many [`Mapping`]s there are, and the bytes they take with their paths.
    pub mappings: u64,
    pub thread: AttachedThread,
}

/// The thread that runs the recorder.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct AttachedThread {
    /// With which the program goes on.
    pub registers: Registers,
    pub xmm: [[u64; 2]; 16],
    /// Signals that it blocks.
    pub mask: u64,
    /// Address, size and signature of what it has told the kernel by `rseq`; 0: nothing.
    pub restartable: [u64; 3],
    /// 1: it was stopped in a call that waits, and goes on at its instruction.
    pub is_in_call: u64,
}

impl AttachedThread {
    /// None yet.
    // SAFETY: numbers.
    pub const NONE: AttachedThread = unsafe { core::mem::zeroed() };
}

/// A mapping of the program, in order of addresses; its path follows, padded to 8 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Mapping {
    pub start: u64,
    pub end: u64,
    /// PROT_* and MAP_* bits.
    pub protection: u32,
    pub flags: u32,
    pub offset: u64,
    /// Of the file.
    pub device: u64,
    pub inode: u64,
    /// Bits of [`advice`].
    pub advice: u64,
    /// With its NUL; 0: it is of no file.
    pub path_length: u64,
}

/// What forked children are to have of a mapping.
pub mod advice {
    /// Nothing (MADV_DONTFORK).
    pub const LEFT_OUT: u64 = 1;
    /// Zeros (MADV_WIPEONFORK).
    pub const WIPED: u64 = 2;
    /// The kernel may drop it at any moment (MAP_DROPPABLE); children have zeros.
    pub const DROPPABLE: u64 = 4;
}

impl Mapping {
    /// Bytes that it takes with its path.
    pub const fn total_size(path_length: u64) -> u64 {
        size_of::<Mapping>() as u64 + path_length.next_multiple_of(8)
    }
}

macro_rules! as_bytes {
    ($($type:ty),*) => {$(
        impl $type {
            /// As it lies in memory.
            pub fn as_bytes(&self) -> &[u8] {
                // SAFETY: numbers without padding between them.
                unsafe { core::slice::from_raw_parts(core::ptr::from_ref(self).cast(), size_of::<$type>()) }
            }
        }
    )*};
}
as_bytes!(Attaching, Mapping);
const _: () = assert!(size_of::<Attaching>() == 5 * 8 + size_of::<AttachedThread>());
const _: () = assert!(size_of::<AttachedThread>() == size_of::<Registers>() + 256 + 8 + 24 + 8);
