//! RDTSC and RDTSCP in code that is in no file: just-in-time compilers write it and run it. From the moment a
//! program makes memory executable whose instructions nobody has looked at, they fault (`prctl` PR_SET_TSC), are
//! performed by us and logged.
//!
//! While they do, we cannot read the counter either, nor can the vDSO: clock reads are system calls. So it ends when
//! a program has had much opportunity and used none.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use reenact_interpose::time_stamp;

use crate::substitute_clock;
use crate::thread::Thread;

/// How often the program comes in until faulting ends where there was no fault.
const ENTRIES: u32 = 4096;
/// How often it begins.
const MOST: u32 = 16;

/// The instructions fault in every thread, as soon as it has its turn.
static FAULTS: AtomicBool = AtomicBool::new(false);
/// The program has executed one: they fault for good.
static ARE_USED: AtomicBool = AtomicBool::new(false);
static ENTRIES_LEFT: AtomicU32 = AtomicU32::new(0);
static BEGINNINGS_LEFT: AtomicU32 = AtomicU32::new(MOST);

/// The program has made memory for code that nobody has looked at.
pub fn unknown_code_is_made(thread: &mut Thread) {
    let left = BEGINNINGS_LEFT.load(Ordering::Relaxed);
    if left == 0 || thread.vfork_child {
        return;
    }
    BEGINNINGS_LEFT.store(left - 1, Ordering::Relaxed);
    ENTRIES_LEFT.store(ENTRIES, Ordering::Relaxed);
    begin(thread);
    take_turn(thread);
}

/// Let them fault, if they do not yet.
fn begin(thread: &mut Thread) {
    if !FAULTS.load(Ordering::Relaxed) {
        allow(thread);
        if let Some(counter) = time_stamp::read() {
            substitute_clock::set(counter);
            FAULTS.store(true, Ordering::Relaxed);
        }
    }
}

/// The thread's program wants them to fault (PR_SET_TSC), or no more.
pub fn refuse(thread: &mut Thread, is_refused: bool) {
    thread.time_stamps_refused = is_refused;
    if is_refused {
        // For good: in other threads they are performed and logged.
        are_used();
        begin(thread);
    }
    take_turn(thread);
}

/// A thread takes its turn or goes on: it faults if all do.
#[inline]
pub fn take_turn(thread: &mut Thread) {
    let faults = FAULTS.load(Ordering::Relaxed);
    if thread.time_stamps_fault != faults {
        set(thread, faults);
    }
}

#[cold]
fn set(thread: &mut Thread, faults: bool) {
    if time_stamp::set_faulting(faults) {
        thread.time_stamps_fault = faults;
    } else {
        BEGINNINGS_LEFT.store(0, Ordering::Relaxed);
        FAULTS.store(false, Ordering::Relaxed);
    }
}

/// The thread is about to execute another image, or we are to read the counter for its program.
pub fn allow(thread: &mut Thread) {
    if thread.time_stamps_fault {
        set(thread, false);
    }
}

/// The counter, for us: where reading it faults, as near as a clock tells.
#[inline]
pub fn now() -> u64 {
    if !FAULTS.load(Ordering::Relaxed) {
        // Another thread may have ended it, and this one not had its turn yet.
        if let Some(counter) = time_stamp::read() {
            return counter;
        }
    }
    substitute_clock::counter()
}

/// The program has executed one of the instructions.
pub fn are_used() {
    ARE_USED.store(true, Ordering::Relaxed);
}

/// The program has come in.
#[inline]
pub fn count_entry(thread: &mut Thread) {
    if thread.time_stamps_fault {
        count(thread);
    }
}

#[cold]
fn count(thread: &mut Thread) {
    let left = ENTRIES_LEFT.load(Ordering::Relaxed);
    ENTRIES_LEFT.store(left.saturating_sub(1), Ordering::Relaxed);
    if left == 0 && !ARE_USED.load(Ordering::Relaxed) {
        FAULTS.store(false, Ordering::Relaxed);
        take_turn(thread);
    }
}
