//! What processes that share writable memory have in common, in the arena: whose turn it is, who
//! waits for one, and which files are mapped.
//!
//! Every change is one atomic operation, so a process that is killed at any moment leaves a state
//! that the others can go on with.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::arena::{
    FILE_TABLE_OFFSET, SITE_POOL_ENTRIES, SITE_POOL_OFFSET, SLOTS_OFFSET, SLOT_COUNT,
};

/// Offset of the groups in the arena.
pub const GROUPS_OFFSET: u64 = 64 << 10;
/// Number of groups.
pub const GROUP_COUNT: usize = 256;
/// Offset of the waiters, one for each slot.
pub const WAITERS_OFFSET: u64 = 320 << 10;
/// Offset of the table of mapped files.
pub const MAPPED_FILES_OFFSET: u64 = 120 << 20;
/// Entries of that table.
pub const MAPPED_FILE_COUNT: usize = 32768;
/// Bytes of an object for each number it takes. In a replay the objects lie one behind the other, in the order of
/// their numbers, in one sparse file.
pub const OBJECT_SIZE: u64 = 1 << 40;
/// The highest number of an object: a file has no more bytes.
pub const LAST_OBJECT: u32 = (1 << 23) - 2;

/// A group of processes that share memory: they run in turns.
#[repr(C)]
pub struct Group {
    /// Whose turn it is ([`member`]); 0: nobody's. With [`OFFERED`] that process does not know yet, with
    /// [`BEGUN`] the turn is in its log.
    pub holder: AtomicU64,
    /// The thread that runs, for preemption requests.
    pub holder_tid: AtomicU32,
    /// Processes about to send a preemption request.
    pub preempting: AtomicU32,
    /// Number of the turn that was begun last.
    pub turn: AtomicU64,
    /// Members; killed ones are not taken off.
    pub members: AtomicU32,
    /// 1 more than the group that this one was merged into; 0: none.
    pub merged: AtomicU32,
    /// Processes that wait for their turn behind a call that waited; killed ones stay counted until nobody
    /// waits.
    pub after_call: AtomicU32,
    /// What the supervisor is asked to send to the thread that runs, as bits of [`crate::arena::PREEMPTION`]: whoever
    /// waits may be of another pid namespace, or of a user whose signals the kernel refuses.
    pub asked: AtomicU32,
    /// The holder that the supervisor has found stopped, with a request waiting for it; 0: none.
    pub stopped: AtomicU64,
    pub reserved: [u64; 2],
    /// A bit for each slot whose process waits for its turn, set and cleared by that process.
    pub waiting: [AtomicU64; SLOT_COUNT / 64],
}

/// A member as a word: its slot and its pid.
pub const fn member(slot: usize, pid: u32) -> u64 {
    (slot as u64 + 1) << 32 | pid as u64
}

/// In [`Group::holder`]: the turn is offered to that process, which has not begun it.
pub const OFFERED: u64 = 1 << 63;

/// In [`Group::holder`]: that process runs.
pub const BEGUN: u64 = 1 << 62;

/// Slot and pid of a member's word; `None` for 0.
pub const fn slot_and_pid(member: u64) -> Option<(usize, u32)> {
    match ((member & !(OFFERED | BEGUN)) >> 32) as usize {
        0 => None,
        slot => Some((slot - 1, member as u32)),
    }
}

/// A process that waits for its turn.
#[repr(C)]
pub struct Waiter {
    /// [`member`]; 0: the process is in no group.
    pub member: AtomicU64,
    /// Futex: 1 when the turn is offered to the waiter.
    pub granted: AtomicU32,
    /// Futex: 1 while the parent waits for the process of this slot to execute another image.
    pub parent_waits: AtomicU32,
}

/// A file (or another thing with a device and an inode) that recorded processes have mapped.
#[repr(C)]
pub struct MappedFile {
    pub device: AtomicU64,
    pub inode: AtomicU64,
    /// Number of the object whose memory all its mappings show; 0: they show the copy kept in the trace.
    pub number: AtomicU32,
    /// Processes that have the object mapped; killed ones are not taken off.
    pub users: AtomicU32,
    /// Bytes of the file that mappings of the object have shown: the first one, and one past the last.
    pub shown_from: AtomicU64,
    pub shown_to: AtomicU64,
    /// How often the copy kept in the trace has been mapped.
    pub kept_mappings: AtomicU32,
    /// Changed when the file may have, whatever its time stamps say: stores to memory do not touch them at once, and
    /// they can be coarse.
    pub version: AtomicU32,
    pub reserved: u32,
    /// Numbers that the object takes, each for [`OBJECT_SIZE`] bytes.
    pub numbers: AtomicU32,
    /// Processes that were the last to map the kept copy ([`member`]).
    pub mappers: [AtomicU64; 4],
}

const _: () = assert!(core::mem::size_of::<crate::arena::ArenaHeader>() as u64 <= GROUPS_OFFSET);
const _: () =
    assert!(GROUPS_OFFSET + (GROUP_COUNT * core::mem::size_of::<Group>()) as u64 <= WAITERS_OFFSET);
const _: () = assert!(
    WAITERS_OFFSET + (SLOT_COUNT * core::mem::size_of::<Waiter>()) as u64 <= FILE_TABLE_OFFSET
);
const _: () = assert!(SITE_POOL_OFFSET + 8 * SITE_POOL_ENTRIES as u64 <= MAPPED_FILES_OFFSET);
const _: () = assert!(
    MAPPED_FILES_OFFSET + (MAPPED_FILE_COUNT * core::mem::size_of::<MappedFile>()) as u64
        <= SLOTS_OFFSET
);
const _: () = assert!((LAST_OBJECT as u64 + 1).checked_mul(OBJECT_SIZE).is_some());
