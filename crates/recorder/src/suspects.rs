//! Instructions that are only suspected: bytes between functions that look like CPUID or RDTSC, and to which no
//! way is known. They may be a table, so they stay as they are; where the kernel lets us, the processor tells when one
//! is executed after all. Then it is proven.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use reenact_freestanding::numbers::{ENOSPC, PAGE, SIGTRAP};
use reenact_interpose::breakpoints::Breakpoint;
use reenact_interpose::execution_watch::{self, Watch, TRAP_PERF};
use reenact_trace::layout::WATCHES_ADDRESS;

use crate::thread::Thread;
use crate::{guest, thread};

/// A suspected instruction in memory.
#[derive(Clone, Copy)]
struct Suspect {
    /// 0: none.
    address: u64,
    kind: u16,
}

const NONE: Suspect = Suspect {
    address: 0,
    kind: 0,
};
static mut WATCHED: [Suspect; execution_watch::MOST] = [NONE; execution_watch::MOST];
/// Those for which there was no room, in case there is later.
const MOST_WAITING: usize = 64;
static mut WAITING: [Suspect; MOST_WAITING] = [NONE; MOST_WAITING];
/// Changes whenever `WATCHED` does; 0: it never has.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// The kernel has refused.
static REFUSED: AtomicBool = AtomicBool::new(false);

fn watched() -> &'static mut [Suspect] {
    // SAFETY: one thread at a time.
    unsafe { &mut *(&raw mut WATCHED).cast::<[Suspect; execution_watch::MOST]>() }
}

fn waiting() -> &'static mut [Suspect] {
    // SAFETY: one thread at a time.
    unsafe { &mut *(&raw mut WAITING).cast::<[Suspect; MOST_WAITING]>() }
}

fn change() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Such an instruction has been mapped.
pub fn add(address: u64, kind: u16) {
    let new = Suspect { address, kind };
    let is_free = |place: &&mut Suspect| place.address == 0 || place.address == address;
    if let Some(place) = watched().iter_mut().find(is_free) {
        *place = new;
        change();
        take_turn(thread::current());
    } else if let Some(place) = waiting().iter_mut().find(is_free) {
        *place = new;
    }
}

/// Something else is at these addresses now.
pub fn forget(start: u64, length: u64) {
    if GENERATION.load(Ordering::Relaxed) == 0 {
        return;
    }
    let is_inside =
        |suspect: &Suspect| suspect.address >= start && suspect.address - start < length;
    for place in waiting().iter_mut().filter(|place| is_inside(place)) {
        *place = NONE;
    }
    for index in 0..watched().len() {
        if is_inside(&watched()[index]) {
            replace(index);
        }
    }
    take_turn(thread::current());
}

/// Watch another one in the place of that with this index.
fn replace(index: usize) {
    let next = waiting().iter_mut().find(|place| place.address != 0);
    watched()[index] = next.map_or(NONE, |place| core::mem::replace(place, NONE));
    change();
}

/// The calling thread is the only one of a new process, which watches nothing yet.
pub fn after_fork(thread: &mut Thread) {
    thread.watches = 0;
    take_turn(thread);
}

/// A thread takes its turn, or goes on: what it watches is what is watched now.
#[inline]
pub fn take_turn(thread: &mut Thread) {
    let generation = GENERATION.load(Ordering::Relaxed);
    if thread.watches != generation {
        thread.watches = generation;
        watch(thread);
    }
}

#[cold]
fn watch(thread: &Thread) {
    let first = WATCHES_ADDRESS + u64::from(thread.index) * execution_watch::MOST as u64 * PAGE;
    for (index, suspect) in watched().iter().enumerate() {
        let place = first + index as u64 * PAGE;
        // SAFETY: pages of our region that are kept for this.
        unsafe { execution_watch::end(place) };
        if suspect.address == 0 || REFUSED.load(Ordering::Relaxed) {
            continue;
        }
        // SAFETY: as above.
        let result = unsafe { execution_watch::begin(Watch::execution(suspect.address), place) };
        // A debugger may use some.
        if result < 0 && result != -ENOSPC {
            REFUSED.store(true, Ordering::Relaxed);
        }
    }
}

/// The processor's registers are needed for what a tracer watches in this thread. Whether there were some to free.
pub fn give_way(thread: &mut Thread) -> bool {
    if thread.watches == 0 {
        return false;
    }
    // With its next turn it watches again what there is room for.
    thread.watches = 0;
    let first = WATCHES_ADDRESS + u64::from(thread.index) * execution_watch::MOST as u64 * PAGE;
    for index in 0..execution_watch::MOST as u64 {
        // SAFETY: pages of our region that are kept for this.
        unsafe { execution_watch::end(first + index * PAGE) };
    }
    true
}

/// The suspected instruction that this thread is about to execute: its trap has brought us here.
pub fn executed(thread: &mut Thread) -> Option<Breakpoint> {
    const RESUME: u64 = 1 << 16;
    let code = (thread.fault.info[1] & 0xffff_ffff) as i32;
    if thread.fault.number != SIGTRAP || code != TRAP_PERF {
        return None;
    }
    let registers = &mut thread.frame.registers;
    let address = registers.rip;
    let suspect = watched()
        .iter()
        .find(|suspect| suspect.address != 0 && suspect.address == address)?;
    // The kernel has set it, so that the program can go on over the instruction.
    registers.rflags &= !RESUME;
    let mut first = [0];
    guest::read(address, &mut first).then_some(Breakpoint {
        address,
        kind: suspect.kind,
        original: first[0],
    })
}

/// An instruction is proven: it needs no watch.
pub fn proven(address: u64) {
    if let Some(index) = watched()
        .iter()
        .position(|suspect| suspect.address == address)
    {
        replace(index);
        take_turn(thread::current());
    }
}
