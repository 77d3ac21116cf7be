//! Companions: processes that live in this memory beside the one whose log it is (`clone` with CLONE_VM, without
//! CLONE_THREAD). To the recorder they are threads of it, which have a process, actions and descriptors of their own.
//! Here is what the kernel and the scheduler have to know of them; `process::companion` makes and ends them.

use core::sync::atomic::{AtomicU32, AtomicU8, AtomicUsize, Ordering};

use reenact_freestanding::numbers::GETPPID;
use reenact_freestanding::syscall::syscall0;
use reenact_trace::arena::DESCRIPTORS_FOLLOWED;

use crate::arena;
use crate::thread::{self, Thread};

/// Most at once.
pub const MOST: usize = 32;
/// Tables of their own, of actions and of descriptors; the first ones are those that the log begins with.
pub const TABLES: usize = 32;

static COUNT: AtomicU32 = AtomicU32::new(0);
/// Their thread blocks; 0: none.
static BLOCKS: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
/// Who has the token, as long as somebody is said to; 0: nobody is.
static HOLDER: AtomicUsize = AtomicUsize::new(0);
/// How many use each table.
static ACTIONS_USED: [AtomicU32; TABLES] = [const { AtomicU32::new(0) }; TABLES];
static DESCRIPTORS_USED: [AtomicU32; TABLES] = [const { AtomicU32::new(0) }; TABLES];
static DESCRIPTOR_BITS: [[AtomicU8; DESCRIPTORS_FOLLOWED]; TABLES] =
    [const { [const { AtomicU8::new(0) }; DESCRIPTORS_FOLLOWED] }; TABLES];

/// Whether there are any.
#[inline]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// Whether any has not ended: one that was killed while it waited for the token is still there for the scheduler.
pub fn any_lives() -> bool {
    any()
        && BLOCKS.iter().any(|place| {
            let block = place.load(Ordering::Relaxed);
            // SAFETY: a thread block in use.
            block != 0 && !is_gone(unsafe { &*(block as *const Thread) })
        })
}

/// Whether a process is one that lives.
pub fn is_one(process: u32) -> bool {
    BLOCKS.iter().any(|place| {
        let block = place.load(Ordering::Relaxed);
        // SAFETY: a thread block in use.
        let companion = (block != 0).then(|| unsafe { &*(block as *const Thread) });
        companion.is_some_and(|companion| companion.tid == process && !is_gone(companion))
    })
}

/// How many there are.
pub fn count() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// One more, or there is no place.
pub fn add(companion: &mut Thread) -> bool {
    let block = core::ptr::from_mut(companion) as usize;
    let free = BLOCKS
        .iter()
        .find(|place| place.load(Ordering::Relaxed) == 0);
    let Some(free) = free else {
        return false;
    };
    free.store(block, Ordering::Relaxed);
    COUNT.fetch_add(1, Ordering::Relaxed);
    true
}

/// It is gone.
pub fn remove(companion: &Thread) {
    let block = core::ptr::from_ref(companion) as usize;
    for place in &BLOCKS {
        if place.load(Ordering::Relaxed) == block {
            place.store(0, Ordering::Relaxed);
            COUNT.fetch_sub(1, Ordering::Relaxed);
        }
    }
    ACTIONS_USED[companion.actions as usize].fetch_sub(1, Ordering::Relaxed);
    DESCRIPTORS_USED[companion.descriptors as usize].fetch_sub(1, Ordering::Relaxed);
}

/// Go through those that have ended or execute another program, and nobody speaks of any more.
pub fn for_gone(mut each: impl FnMut(&'static mut Thread)) {
    for place in &BLOCKS {
        let block = place.load(Ordering::Relaxed);
        if block == 0 || block == HOLDER.load(Ordering::Relaxed) {
            continue;
        }
        // SAFETY: a thread block in use.
        let companion = unsafe { &mut *(block as *mut Thread) };
        let is_spoken_of = companion.waits.load(Ordering::Relaxed) != 0
            || companion.awaited.load(Ordering::Relaxed) != 0;
        if is_gone(companion) && !is_spoken_of {
            each(companion);
        }
    }
}

/// Whether a thread was a companion, and is not here any more.
pub fn is_gone(thread: &Thread) -> bool {
    thread.companion && thread.lives.load(Ordering::Acquire) == 0
}

/// In a forked child: it has the memory alone.
pub fn after_fork(own: &mut Thread) {
    for place in &BLOCKS {
        place.store(0, Ordering::Relaxed);
    }
    COUNT.store(0, Ordering::Relaxed);
    HOLDER.store(core::ptr::from_mut(own) as usize, Ordering::Relaxed);
    own.companion = false;
}

/// The thread has the token.
pub fn holds_token(thread: &Thread) {
    HOLDER.store(core::ptr::from_ref(thread) as usize, Ordering::Relaxed);
}

/// Nobody has it, or the next one is about to be said.
pub fn releases_token() {
    HOLDER.store(0, Ordering::Relaxed);
}

/// Whether the token is that of a process that has died with it: then it is the caller's to pass on.
#[cold]
pub fn takes_over_token(waiting: &Thread) -> bool {
    let holder = HOLDER.load(Ordering::Relaxed);
    if holder == 0 {
        return false;
    }
    // SAFETY: a thread block that is not given back before it has said otherwise.
    let thread = unsafe { &*(holder as *const Thread) };
    let is_dead = is_gone(thread) || (!thread.companion && is_first_gone(waiting));
    is_dead
        && HOLDER
            .compare_exchange(holder, 0, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
}

/// Whether the process whose log this is has ended before this companion of it, its child.
pub fn is_first_gone(companion: &Thread) -> bool {
    // SAFETY: no effect.
    companion.companion
        && companion.is_child_of_first
        && unsafe { syscall0(GETPPID) } as u32 != arena::slot().pid.load(Ordering::Relaxed)
}

/// The process of a thread.
pub fn process_of(thread: &Thread) -> u32 {
    if thread.companion {
        thread.tid
    } else {
        arena::slot().pid.load(Ordering::Relaxed)
    }
}

/// What is known of the current thread's descriptors.
pub fn descriptors() -> &'static [AtomicU8; DESCRIPTORS_FOLLOWED] {
    match thread::current().descriptors {
        0 => &arena::slot().exec.descriptors,
        table => &DESCRIPTOR_BITS[table as usize],
    }
}

fn claim(used: &[AtomicU32; TABLES]) -> Option<u32> {
    (1..TABLES).find_map(|table| {
        used[table]
            .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
            .then_some(table as u32)
    })
}

/// A table of actions for a new companion: its creator's, or a fresh one.
pub fn actions_table(creator: &Thread, is_shared: bool) -> Option<u32> {
    if is_shared {
        ACTIONS_USED[creator.actions as usize].fetch_add(1, Ordering::Relaxed);
        return Some(creator.actions);
    }
    claim(&ACTIONS_USED)
}

/// The same of what is known of descriptors, which a fresh one is a copy of.
pub fn descriptors_table(creator: &Thread, is_shared: bool) -> Option<u32> {
    if is_shared {
        DESCRIPTORS_USED[creator.descriptors as usize].fetch_add(1, Ordering::Relaxed);
        return Some(creator.descriptors);
    }
    let table = claim(&DESCRIPTORS_USED)?;
    for (to, from) in DESCRIPTOR_BITS[table as usize].iter().zip(descriptors()) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    Some(table)
}
