//! The threads of one address space that wait for the token, and whether somebody has it.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use reenact_freestanding::numbers;
use reenact_freestanding::syscall::syscall0;

use crate::thread::{self, Thread};
use crate::{chaos, grants};

/// How often a thread that was found spinning is passed over for others that were not.
const MOST_PASSES: u32 = 2;

/// First come, first served, with the exceptions in [`Locked::take_next`]; a ring of thread addresses.
static mut QUEUE: [usize; thread::MOST] = [0; thread::MOST];
static mut FIRST: usize = 0;
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// 1 while somebody has the token.
static HELD: AtomicU32 = AtomicU32::new(1);
/// Guards the queue and `HELD`; held for a few instructions.
static LOCK: AtomicU32 = AtomicU32::new(0);
/// The thread that was enqueued last. While any waits, it does: others are before it in the queue.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// How many threads wait.
#[inline]
pub fn waiting() -> usize {
    WAITING.load(Ordering::Relaxed)
}

/// Whether no thread that waits has been enqueued after this one: one is to look what the running thread does.
pub fn is_last(thread: &Thread) -> bool {
    LAST.load(Ordering::Relaxed) == core::ptr::from_ref(thread) as usize
}

/// After a fork there is one thread, and it runs.
pub fn after_fork() {
    // SAFETY: one thread exists.
    unsafe { FIRST = 0 };
    WAITING.store(0, Ordering::Relaxed);
    LOCK.store(0, Ordering::Relaxed);
    HELD.store(1, Ordering::Relaxed);
    LAST.store(0, Ordering::Relaxed);
}

/// Whoever has this may change the queue.
pub struct Locked(());

/// Lock the queue.
pub fn lock() -> Locked {
    let mut spins = 0;
    while LOCK.swap(1, Ordering::Acquire) != 0 {
        spins += 1;
        if spins > 100 {
            // SAFETY: lets the thread that has the lock run.
            unsafe { syscall0(numbers::SCHED_YIELD) };
        }
        core::hint::spin_loop();
    }
    Locked(())
}

impl Drop for Locked {
    fn drop(&mut self) {
        LOCK.store(0, Ordering::Release);
    }
}

/// The place of the thread that is so many behind the first.
fn place(behind: usize) -> *mut usize {
    // SAFETY: under the lock.
    let index = unsafe { FIRST } + behind;
    (&raw mut QUEUE)
        .cast::<usize>()
        .wrapping_add(index % thread::MOST)
}

impl Locked {
    fn at(&self, behind: usize) -> &'static Thread {
        // SAFETY: a thread in the queue waits, which its block outlives.
        unsafe { &*(place(behind).read() as *const Thread) }
    }

    fn is_low(&self, behind: usize) -> bool {
        chaos::is_low(self.at(behind).tid)
    }

    /// Whether nobody has the token; if so, take it.
    pub fn take_free_token(&self) -> bool {
        HELD.swap(1, Ordering::Relaxed) == 0
    }

    /// Nobody has the token from now on.
    pub fn free_token(&self) {
        HELD.store(0, Ordering::Relaxed);
    }

    /// Wait behind all others.
    pub fn enqueue(&self, thread: &mut Thread) {
        grants::take_back(thread);
        thread.passed_over = 0;
        let waiting = waiting();
        // SAFETY: under the lock; there are no more threads than places.
        unsafe { place(waiting).write(core::ptr::from_mut(thread) as usize) };
        WAITING.store(waiting + 1, Ordering::Relaxed);
        LAST.store(core::ptr::from_mut(thread) as usize, Ordering::Relaxed);
    }

    /// Take the thread out that is to run next.
    pub fn take_next(&self) -> Option<&'static Thread> {
        let waiting = waiting();
        if waiting == 0 {
            return None;
        }
        if chaos::is_on() {
            self.draw_first(waiting);
        } else {
            self.prefer_not_spinning(waiting);
        }
        Some(self.take_first())
    }

    /// Take out the one thread that waits: the calling one.
    pub fn take_only(&self, thread: &Thread) {
        debug_assert!(core::ptr::eq(self.at(0), thread));
        self.take_first();
    }

    fn take_first(&self) -> &'static Thread {
        let first = self.at(0);
        // SAFETY: under the lock.
        unsafe { FIRST = (FIRST + 1) % thread::MOST };
        WAITING.store(waiting() - 1, Ordering::Relaxed);
        first
    }

    /// Bring the first thread to the front that was not found waiting for others by spinning: it may be
    /// what they wait for.
    fn prefer_not_spinning(&self, waiting: usize) {
        let is_passed = |thread: &Thread| thread.spins > 0 && thread.passed_over < MOST_PASSES;
        let chosen = (0..waiting).find(|&behind| !is_passed(self.at(behind)));
        let Some(chosen @ 1..) = chosen else {
            return;
        };
        // SAFETY: under the lock; threads in the queue wait, and their blocks are not used by others.
        unsafe {
            let preferred = place(chosen).read();
            for behind in (0..chosen).rev() {
                let passed = place(behind).read();
                (*(passed as *mut Thread)).passed_over += 1;
                place(behind + 1).write(passed);
            }
            place(0).write(preferred);
        }
    }

    /// Whether any thread waits that was not found waiting for others by spinning.
    pub fn has_not_spinning(&self) -> bool {
        (0..waiting()).any(|behind| self.at(behind).spins == 0)
    }

    /// Chaos: bring a random one of the waiting threads to the front, of low priority only when
    /// there is no other.
    fn draw_first(&self, waiting: usize) {
        let start = chaos::below(waiting as u64) as usize;
        let chosen = (0..waiting)
            .map(|step| (start + step) % waiting)
            .find(|&behind| !self.is_low(behind))
            .unwrap_or(start);
        // SAFETY: under the lock.
        unsafe { core::ptr::swap(place(0), place(chosen)) };
    }

    /// Chaos: whether some waiting thread may run in place of the running one.
    pub fn has_rival(&self, running: &Thread) -> bool {
        chaos::is_low(running.tid) || (0..waiting()).any(|behind| !self.is_low(behind))
    }
}
