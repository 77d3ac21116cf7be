//! The order of processes that share memory: each replays only when its turn is due.
//!
//! A process that waits gives its slot in `jobs` back. When all replaying processes wait, the turn
//! that is due comes in no log (the trace was cut, or a replay has diverged): they end.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers as n;
use reenact_trace::sharing::GROUP_COUNT;

use crate::{address_space, children, jobs, report, system};

/// Futexes; a waiting process is woken by the end of the turn before its own.
const BELLS: usize = 4096;

#[repr(C)]
struct Table {
    /// Processes that wait for their turn.
    waiting: AtomicU32,
    /// Turns ended, over all groups.
    moves: AtomicU32,
    /// For each group the number of the last turn that is over.
    done: [AtomicU64; GROUP_COUNT],
    bells: [AtomicU32; BELLS],
    /// At the place of its bell, a turn that is waited for ([`word`]).
    awaited: [AtomicU64; BELLS],
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());

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

/// Make the table. Before the sandbox.
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
    Ok(())
}

/// The turns a process has: one, or while two groups become one both.
#[derive(Default)]
pub struct HeldTurns {
    turns: Vec<Turn>,
    /// A person has been told that turns are not kept.
    is_told: bool,
}

impl HeldTurns {
    /// Whether the process runs in turns with others.
    pub fn is_any(&self) -> bool {
        !self.turns.is_empty()
    }

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

/// The turns of a group before this one are over: there is nothing of them.
pub fn begin_with(turn: Turn) {
    let done = table().and_then(|table| table.done.get(turn.group));
    if let Some(done) = done {
        done.fetch_max(turn.number.saturating_sub(1), Ordering::SeqCst);
    }
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
        children::reap(false);
        let all_wait = table.waiting.load(Ordering::SeqCst) == jobs::live();
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
    children::wait_for_slot();
    due
}
