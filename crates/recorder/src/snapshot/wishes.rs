//! Whether snapshots are wanted, and what makes them impossible.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use reenact_freestanding::numbers::{CLONE_NEWPID, SETNS};

use crate::{arena, log};

/// The supervisor's wish that was last met.
static MET: AtomicU32 = AtomicU32::new(0);
/// The next event when the last one was taken.
static TAKEN_AT: AtomicU64 = AtomicU64::new(0);
static IMPOSSIBLE: AtomicBool = AtomicBool::new(false);

/// Whether snapshots are taken at all.
#[inline]
pub fn are_taken() -> bool {
    arena::header().takes_snapshots != 0
}

/// Whether one is due.
#[inline]
pub fn is_due() -> bool {
    let header = arena::header();
    header.snapshots_wanted.load(Ordering::Relaxed) != MET.load(Ordering::Relaxed)
        || header.snapshot_events != 0
            && log::next_event() >= TAKEN_AT.load(Ordering::Relaxed) + header.snapshot_events
}

/// A new image: what was wished for before it is not due, as the image tells all there is.
pub fn begin_image() {
    let wanted = arena::header().snapshots_wanted.load(Ordering::Relaxed);
    MET.store(wanted, Ordering::Relaxed);
}

/// One is taken, or cannot be: the next one is due later.
pub fn met() {
    let wanted = arena::header().snapshots_wanted.load(Ordering::Relaxed);
    MET.store(wanted, Ordering::Relaxed);
    TAKEN_AT.store(log::next_event(), Ordering::Relaxed);
}

/// A forked child has a log of its own.
pub fn after_fork() {
    TAKEN_AT.store(0, Ordering::Relaxed);
}

/// From now on a copy of the process is not like it: its children begin in another pid namespace, or one of them could be met.
pub fn make_impossible() {
    IMPOSSIBLE.store(true, Ordering::Relaxed);
}

/// Whether a copy would be like the process.
pub fn are_possible() -> bool {
    !IMPOSSIBLE.load(Ordering::Relaxed)
}

/// A call has been made that changes namespaces, perhaps those of children alone.
pub fn note_namespaces(number: u64, args: &[u64; 6]) {
    let kinds = if number == SETNS { args[1] } else { args[0] };
    // `setns` without a kind takes whatever the descriptor is of.
    if kinds & CLONE_NEWPID != 0 || number == SETNS && kinds == 0 {
        make_impossible();
    }
}
