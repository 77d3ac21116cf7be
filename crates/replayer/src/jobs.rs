//! How many processes replay at one moment, and what became of them: a page of memory shared
//! by all processes of one replay.
//!
//! A process holds a slot while it executes. A parent that forks while no slot is free hands its
//! own to the child and waits for another, so there are never more processes than running ones
//! and their ancestors, and nobody waits for somebody who waits for him.

use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU8, Ordering};

use reenact_freestanding::numbers as n;

use crate::exit_status;
use crate::system;

/// Processes whose start is remembered.
const MOST_PROCESSES: usize = 1 << 20;

#[repr(C)]
struct Shared {
    free: AtomicU32,
    sleepers: AtomicU32,
    live: AtomicU32,
    status: AtomicU32,
    processes: AtomicU32,
    divergences: AtomicU32,
    errors: AtomicU32,
    /// By the place of a process in the index: 1 when its replay has begun.
    started: [AtomicU8; MOST_PROCESSES],
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(core::ptr::null_mut());

fn shared() -> Option<&'static Shared> {
    // SAFETY: null, or mapped for good by `set_up`, and all fields are atomic.
    unsafe { SHARED.load(Ordering::Relaxed).as_ref() }
}

/// Make the shared page with so many slots.
pub fn set_up(slots: u32) -> Result<(), &'static str> {
    let flags = n::MAP_SHARED | n::MAP_ANONYMOUS | n::MAP_NORESERVE;
    let protection = n::PROT_READ | n::PROT_WRITE;
    let address = crate::address_space::SHARED_ADDRESS;
    let length = size_of::<Shared>().next_multiple_of(4096) as u64;
    // SAFETY: a fresh mapping in our region.
    let mapped = unsafe {
        system::map(
            address,
            length,
            protection,
            flags | n::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if mapped != Ok(address) {
        return Err("cannot map shared memory");
    }
    SHARED.store(address as *mut Shared, Ordering::Relaxed);
    if let Some(shared) = shared() {
        shared.free.store(slots, Ordering::Relaxed);
    }
    Ok(())
}

/// Take a slot if one is free.
pub fn try_acquire() -> bool {
    let Some(shared) = shared() else { return true };
    let take = |free: u32| free.checked_sub(1);
    shared
        .free
        .fetch_update(Ordering::AcqRel, Ordering::Relaxed, take)
        .is_ok()
}

/// Sleep until a slot may be free, a while at most; the caller looks after its children meanwhile,
/// whose slots may have died with them.
pub fn sleep_for_slot() {
    const POLL_MILLISECONDS: u64 = 100;
    let Some(shared) = shared() else { return };
    shared.sleepers.fetch_add(1, Ordering::AcqRel);
    system::futex_wait(&shared.free, 0, POLL_MILLISECONDS);
    shared.sleepers.fetch_sub(1, Ordering::AcqRel);
}

/// Give a slot back.
pub fn release() {
    let Some(shared) = shared() else { return };
    shared.free.fetch_add(1, Ordering::AcqRel);
    if shared.sleepers.load(Ordering::Acquire) > 0 {
        system::futex_wake(&shared.free);
    }
}

/// A process more is about to replay.
pub fn process_added() {
    if let Some(shared) = shared() {
        shared.live.fetch_add(1, Ordering::SeqCst);
    }
}

/// A process replays no more.
pub fn process_ended() {
    if let Some(shared) = shared() {
        shared.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Replaying processes, and the first one until it has started all that start from nothing.
pub fn live() -> u32 {
    shared().map_or(0, |shared| shared.live.load(Ordering::SeqCst))
}

/// A process ends in the middle: account for it and give its slot back.
pub fn abandon(exit_status: u8) {
    note_status(exit_status);
    process_ended();
    release();
}

/// This exit status came up somewhere.
pub fn note_status(exit_status: u8) {
    let Some(shared) = shared() else { return };
    shared
        .status
        .fetch_max(u32::from(exit_status), Ordering::AcqRel);
    match exit_status {
        0 => {}
        exit_status::DIVERGENCE => drop(shared.divergences.fetch_add(1, Ordering::AcqRel)),
        _ => drop(shared.errors.fetch_add(1, Ordering::AcqRel)),
    }
}

/// The replay of a process has begun.
pub fn note_started(place: usize) {
    let Some(shared) = shared() else { return };
    // It begins more than once where it is replayed in segments.
    let flag = shared.started.get(place);
    if flag.is_none_or(|flag| flag.swap(1, Ordering::AcqRel) == 0) {
        shared.processes.fetch_add(1, Ordering::AcqRel);
    }
}

/// Whether the replay of the process at this place of the index has begun.
pub fn has_started(place: usize) -> bool {
    let Some(shared) = shared() else { return true };
    shared
        .started
        .get(place)
        .is_none_or(|flag| flag.load(Ordering::Acquire) == 1)
}

/// The sums at the end: status, processes, divergences, errors.
pub fn totals() -> (u8, u32, u32, u32) {
    let Some(shared) = shared() else {
        return (0, 0, 0, 0);
    };
    (
        shared.status.load(Ordering::Acquire) as u8,
        shared.processes.load(Ordering::Acquire),
        shared.divergences.load(Ordering::Acquire),
        shared.errors.load(Ordering::Acquire),
    )
}
