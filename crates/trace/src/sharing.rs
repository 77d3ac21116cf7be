//! What processes that share writable memory have in common, in the arena: whose turn it is, who
//! waits for one, and which files are shared objects.
//!
//! Every change is one atomic operation, so a process that is killed at any moment leaves a state
//! that the others can go on with.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::arena::{FILE_TABLE_OFFSET, SLOT_COUNT};

/// Offset of the groups in the arena.
pub const GROUPS_OFFSET: u64 = 64 << 10;
/// Number of groups.
pub const GROUP_COUNT: usize = 256;
/// Offset of the waiters, one for each slot.
pub const WAITERS_OFFSET: u64 = 320 << 10;
/// Offset of the shared objects.
pub const OBJECTS_OFFSET: u64 = 512 << 10;
/// Number of shared objects.
pub const OBJECT_COUNT: usize = 16384;

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
    pub reserved: [u32; 7],
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
    /// [`member`].
    pub member: AtomicU64,
    /// Futex: 1 when the turn is offered to the waiter.
    pub granted: AtomicU32,
    /// Futex: 1 while the parent waits for the process of this slot to execute another image.
    pub parent_waits: AtomicU32,
}

/// A file that is mapped shared and writable. Its number is its index + 1.
#[repr(C)]
pub struct Object {
    pub device: AtomicU64,
    pub inode: AtomicU64,
    /// 1 more than its group.
    pub group: AtomicU64,
}

const _: () = assert!(core::mem::size_of::<crate::arena::ArenaHeader>() as u64 <= GROUPS_OFFSET);
const _: () =
    assert!(GROUPS_OFFSET + (GROUP_COUNT * core::mem::size_of::<Group>()) as u64 <= WAITERS_OFFSET);
const _: () = assert!(
    WAITERS_OFFSET + (SLOT_COUNT * core::mem::size_of::<Waiter>()) as u64 <= OBJECTS_OFFSET
);
const _: () = assert!(
    OBJECTS_OFFSET + (OBJECT_COUNT * core::mem::size_of::<Object>()) as u64 <= FILE_TABLE_OFFSET
);
