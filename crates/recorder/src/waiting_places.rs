//! Places where threads that wait in loops let others run: a breakpoint on the loop's `pause` or branch, put there when
//! a thread has been found spinning and described at a landing. From then on it hands over there, as soon as anybody
//! waits: at a place that the log knows by how often the thread has come there since the event before,
//! which costs next to nothing where a landing costs a checksum of all that was written.
//!
//! Design constraints:
//! * A breakpoint is placed and removed at events only, so that all passes since the last event are counted.
//! * A pass costs more than a microsecond. Where it is in vain, because nobody waits, or all wait for something else,
//!   there are as many of them as a landing costs; then the loop runs as it is, until it is found again.
//! * What a loop waits by is code of a file, and proven to be (`reenact_interpose::waiting_loop`).

use reenact_interpose::breakpoints::{self, Breakpoint};
use reenact_interpose::short_decoder::LONGEST;
use reenact_interpose::waiting_loop;
use reenact_trace::event::instruction;
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::{EventKind, Tag};

use crate::log::{self, Builder, TICKS_PER_MS};
use crate::sites::{self, Trap};
use crate::thread::Thread;
use crate::{code_ranges, guest, scheduler, signal};

/// A place.
#[derive(Clone, Copy)]
struct Place {
    /// 0: none.
    address: u64,
    /// Passes since the last event, and which one that was.
    passes: u64,
    since: u64,
    /// Passes in vain since the last that was not.
    in_vain: u64,
}

/// More than there are loops at which the threads of a program wait.
const MOST: usize = 64;
static mut PLACES: [Place; MOST] = [Place {
    address: 0,
    passes: 0,
    since: 0,
    in_vain: 0,
}; MOST];

/// Short turns in succession that ended at such places, and the event of the last one.
static mut SHORT_TURNS: u64 = 0;
static mut LAST_TURN: u64 = 0;

fn places() -> &'static mut [Place; MOST] {
    // SAFETY: one thread at a time.
    unsafe { &mut *(&raw mut PLACES).cast() }
}

fn place(address: u64) -> Option<&'static mut Place> {
    places().iter_mut().find(|place| place.address == address)
}

/// The code of a file at an address, as it was written.
fn read(address: u64, code: &mut [u8; LONGEST]) -> usize {
    if code_ranges::find(address, 1).is_none() {
        return 0;
    }
    // Near the end of a mapping there may be fewer bytes.
    let length = (1..=LONGEST)
        .rev()
        .find(|&count| guest::read(address, &mut code[..count]))
        .unwrap_or(0);
    breakpoints::show_original(address, &mut code[..length]);
    length
}

/// The thread has been found spinning where it is, which `event` describes: from now on it hands over there by itself.
pub fn notice(thread: &Thread, repeats: bool, event: &mut Builder) {
    if thread.link != 0 || thread.frame.registers.rflags & TRAP_FLAG != 0 {
        return;
    }
    let Some(address) = waiting_loop::find(thread.frame.registers.rip, repeats, read) else {
        return;
    };
    let free = places().iter_mut().find(|place| place.address == 0);
    let Some(place) = place(address).or(free) else {
        return;
    };
    if breakpoints::insert(address, instruction::WAIT) {
        *place = Place {
            address,
            passes: 0,
            since: log::places(),
            in_vain: 0,
        };
        event.bytes(Tag::Breakpoints, 0, &address.to_le_bytes());
    }
}

/// A thread has come to the breakpoint of a place.
pub fn on_trap(thread: &mut Thread, site: &Breakpoint) -> Trap {
    let registers = &mut thread.frame.registers;
    let mut code = [0u8; LONGEST];
    let length = read(site.address, &mut code);
    let next = waiting_loop::next(&code[..length], site.address, registers.rflags);
    registers.rip = site.address;
    let (Some(place), Some(next)) = (place(site.address), next) else {
        return sites::restore(site);
    };
    if place.since != log::places() {
        (place.since, place.passes) = (log::places(), 0);
    }
    place.passes += 1;
    let hands_over = is_useful(place) && may_hand_over(thread);
    place.in_vain = if hands_over { 0 } else { place.in_vain + 1 };
    let is_over = place.in_vain > most_in_vain();
    let may_log = !thread.vfork_child && thread.frame.registers.rflags & TRAP_FLAG == 0;
    if may_log && (hands_over || is_over) {
        let mut event = Builder::new(EventKind::Preempted, 0);
        event.header.ip = site.address;
        event.header.register_checksum = thread.frame.registers.checksum();
        (event.header.args[0], event.header.args[1]) = (place.passes, next);
        if is_over && site.remove() {
            place.address = 0;
            event.bytes(Tag::Patch, site.address, &[site.original, site.original]);
        }
        event.commit();
    }
    thread.frame.registers.rip = next;
    if may_log && hands_over {
        hand_over(thread, site.address);
    }
    Trap::Performed
}

/// Whether others may run in place of a thread that waits.
fn may_hand_over(thread: &Thread) -> bool {
    !thread.vfork_child && scheduler::has_to_yield()
}

/// Passes in vain that cost as much as the next landing will.
fn most_in_vain() -> u64 {
    const PASS_NS: u64 = 1_500;
    (signal::last_landing_ns() / PASS_NS).clamp(100, 4000)
}

/// Whether to hand over may help. Where threads have handed over to one another for long, and each came to a place like
/// this one at once, perhaps all of them wait for something else, or as long as they count to a number: their turns become
/// longer.
fn is_useful(place: &Place) -> bool {
    const TURNS: u64 = 64;
    // SAFETY: one thread at a time.
    unsafe {
        if LAST_TURN != log::places() {
            SHORT_TURNS = 0;
        }
        place.passes > SHORT_TURNS / TURNS
    }
}

fn hand_over(thread: &mut Thread, address: u64) {
    const SHORT: u64 = TICKS_PER_MS / 50;
    // SAFETY: one thread at a time.
    unsafe {
        let is_short = scheduler::turn_length() < SHORT;
        SHORT_TURNS = if is_short { SHORT_TURNS + 1 } else { 0 };
        LAST_TURN = log::places();
    }
    thread.spins = 1;
    thread.spins_at = address;
    scheduler::yield_now(thread);
}
