//! The order of processes that share memory: each replays only when its turn is due. And the memory
//! itself: one object for each file that was mapped shared and writable, reserved before the
//! sandbox is entered, so that processes which meet by mapping the same file find the same memory.
//!
//! A process that waits gives its slot in `jobs` back. When all replaying processes wait, the turn
//! that is due comes in no log (the trace was cut, or a replay has diverged): they end.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::syscall2;
use reenact_trace::sharing::{GROUP_COUNT, OBJECT_COUNT};

use crate::system::{check, Errno};
use crate::{address_space, jobs, report, system};

/// Bytes of an object's address range in the memory file.
pub const OBJECT_SIZE: u64 = 1 << 40;
/// Futexes; a waiting process is woken by the end of the turn before its own.
const BELLS: usize = 4096;

#[repr(C)]
struct Table {
    /// Replaying processes, and the first one until it has started all that start from nothing.
    live: AtomicU32,
    /// Those that wait for their turn.
    waiting: AtomicU32,
    /// Turns ended, over all groups.
    moves: AtomicU32,
    reserved: u32,
    /// For each group the number of the last turn that is over.
    done: [AtomicU64; GROUP_COUNT],
    bells: [AtomicU32; BELLS],
    /// At the place of its bell, a turn that is waited for ([`word`]).
    awaited: [AtomicU64; BELLS],
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());
static ALONE: AtomicBool = AtomicBool::new(false);
static OBJECTS: AtomicI32 = AtomicI32::new(-1);

/// A turn of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub group: usize,
    pub number: u64,
}

fn table() -> Option<&'static Table> {
    // SAFETY: null, or mapped for good by `set_up`, and all fields are atomic.
    unsafe { TABLE.load(Ordering::Relaxed).as_ref() }
}

/// Make the table and the memory of objects. Before the sandbox.
pub fn set_up() -> Result<(), &'static str> {
    let flags = n::MAP_SHARED | n::MAP_ANONYMOUS | n::MAP_NORESERVE | n::MAP_FIXED_NOREPLACE;
    let address = address_space::TURNS_ADDRESS;
    let length = size_of::<Table>().next_multiple_of(4096) as u64;
    // SAFETY: a fresh mapping in our region.
    let mapped =
        unsafe { system::map(address, length, n::PROT_READ | n::PROT_WRITE, flags, -1, 0) };
    if mapped != Ok(address) {
        return Err("cannot map shared memory");
    }
    TABLE.store(address as *mut Table, Ordering::Relaxed);
    let objects = new_objects().map_err(|_| {
        "cannot reserve the memory of shared objects: see the limit of file sizes (ulimit -f)"
    })?;
    set_objects(objects);
    Ok(())
}

/// A new, empty file for the memory of shared objects.
pub fn new_objects() -> Result<i32, Errno> {
    const MFD_CLOEXEC: u64 = 1;
    let name = c"reenact-objects".as_ptr() as u64;
    // SAFETY: a constant name.
    let objects = check(unsafe { syscall2(n::MEMFD_CREATE, name, MFD_CLOEXEC) })?;
    let size = (OBJECT_COUNT as u64 + 1) * OBJECT_SIZE;
    // SAFETY: our descriptor. The file is sparse.
    check(unsafe { syscall2(n::FTRUNCATE, objects, size) })?;
    Ok(objects as i32)
}

/// The file of the memory of shared objects.
pub fn objects() -> i32 {
    OBJECTS.load(Ordering::Relaxed)
}

/// From now on shared objects are in this file.
pub fn set_objects(objects: i32) {
    OBJECTS.store(objects, Ordering::Relaxed);
}

/// The turns a process has: one, or while two groups become one both.
#[derive(Default)]
pub struct HeldTurns {
    turns: Vec<Turn>,
    /// A person has been told that turns are not kept.
    is_told: bool,
}

impl HeldTurns {
    /// Wait for a turn of the log, after those at hand unless they are kept; false: it never comes.
    /// A process that is replayed `alone` does not wait; `is_told` what the others changed, or not.
    pub fn begin(&mut self, turn: Turn, keeps: bool, alone: bool, is_told: bool) -> bool {
        if !keeps {
            self.finish();
        }
        self.turns.push(turn);
        if !alone {
            return wait(turn);
        }
        if !is_told && !is_due(turn) && !core::mem::replace(&mut self.is_told, true) {
            let mut line = report::line("note");
            line.text(
                "message",
                "this process shares memory with others: replayed alone it may depart; replay all \
                 processes (said once)",
            );
            report::send(&mut line);
        }
        true
    }

    /// They are over.
    pub fn finish(&mut self) {
        self.turns.drain(..).for_each(finish);
    }

    /// They are another process's.
    pub fn forget(&mut self) {
        self.turns.clear();
    }
}

/// One process is replayed alone.
pub fn set_alone() {
    ALONE.store(true, Ordering::Relaxed);
}

/// Whether shared memory without a file is shared with anybody here. Where it is not, copies of the
/// replaying process (checkpoints) must have their own.
pub fn is_inherited() -> bool {
    !ALONE.load(Ordering::Relaxed)
}

/// Descriptor and offset of a place in a shared object; `None` when there is no such place.
pub fn object_place(object: u32, offset: u64, length: u64) -> Option<(i32, u64)> {
    let end = offset.checked_add(length)?;
    let is_place = object as usize <= OBJECT_COUNT && end <= OBJECT_SIZE;
    is_place.then(|| {
        (
            OBJECTS.load(Ordering::Relaxed),
            u64::from(object) * OBJECT_SIZE + offset,
        )
    })
}

/// A process more is about to replay.
pub fn process_added() {
    if let Some(table) = table() {
        table.live.fetch_add(1, Ordering::SeqCst);
    }
}

/// A process replays no more.
pub fn process_ended() {
    if let Some(table) = table() {
        table.live.fetch_sub(1, Ordering::SeqCst);
    }
}

fn place(turn: Turn) -> usize {
    let mixed = (turn.number as usize)
        .wrapping_mul(GROUP_COUNT)
        .wrapping_add(turn.group)
        .wrapping_mul(0x9e37_79b1);
    mixed >> 8 & (BELLS - 1)
}

fn bell(table: &Table, turn: Turn) -> &AtomicU32 {
    &table.bells[place(turn)]
}

/// A turn as a word that is never 0.
fn word(turn: Turn) -> u64 {
    1 << 63 | turn.number << 16 | turn.group as u64
}

/// Whether a process that waits has its turn, and has only not run since.
fn somebody_is_due(table: &Table) -> bool {
    (0..GROUP_COUNT).any(|group| {
        let done = table.done[group].load(Ordering::SeqCst);
        [done, done.wrapping_add(1)].into_iter().any(|number| {
            let turn = Turn { group, number };
            table.awaited[place(turn)].load(Ordering::SeqCst) == word(turn)
        })
    })
}

/// A turn is over.
pub fn finish(turn: Turn) {
    let Some(table) = table() else { return };
    let Some(done) = table.done.get(turn.group) else {
        return;
    };
    done.fetch_max(turn.number, Ordering::SeqCst);
    table.moves.fetch_add(1, Ordering::SeqCst);
    let next = Turn {
        number: turn.number.wrapping_add(1),
        ..turn
    };
    let bell = bell(table, next);
    bell.fetch_add(1, Ordering::SeqCst);
    system::futex_wake_all(bell);
}

/// Whether all turns before this one are over.
pub fn is_due(turn: Turn) -> bool {
    let Some(done) = table().and_then(|table| table.done.get(turn.group)) else {
        return true;
    };
    done.load(Ordering::SeqCst) >= turn.number.saturating_sub(1)
}

/// Wait until a turn is due. False: it never will be.
pub fn wait(turn: Turn) -> bool {
    const POLL_MILLISECONDS: u64 = 50;
    /// So often all processes must be found waiting, without a turn in between.
    const LOOKS: u32 = 20;
    if is_due(turn) {
        return true;
    }
    let Some(table) = table() else { return true };
    jobs::release();
    let awaited = &table.awaited[place(turn)];
    awaited.store(word(turn), Ordering::SeqCst);
    table.waiting.fetch_add(1, Ordering::SeqCst);
    let mut looks = 0;
    let mut moves = table.moves.load(Ordering::SeqCst);
    let due = loop {
        let value = bell(table, turn).load(Ordering::SeqCst);
        if is_due(turn) {
            break true;
        }
        system::futex_wait(bell(table, turn), value, POLL_MILLISECONDS);
        jobs::reap(false);
        let all_wait = table.waiting.load(Ordering::SeqCst) == table.live.load(Ordering::SeqCst);
        let now = table.moves.load(Ordering::SeqCst);
        looks = if all_wait && now == moves && !somebody_is_due(table) {
            looks + 1
        } else {
            0
        };
        moves = now;
        if looks >= LOOKS && !is_due(turn) {
            break false;
        }
    };
    table.waiting.fetch_sub(1, Ordering::SeqCst);
    let _ = awaited.compare_exchange(word(turn), 0, Ordering::SeqCst, Ordering::Relaxed);
    jobs::acquire();
    due
}
