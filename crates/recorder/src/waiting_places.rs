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
//! * A loop that counts while it waits can be a computation that looks like it: where handing over there is in vain again and
//!   again, it is left alone for longer each time.
//! * Where a landing would cost more than the waits do, the breakpoint comes with the next call's event, without one.

use core::sync::atomic::{AtomicU64, Ordering};
use reenact_freestanding::numbers::{
    CLOCK_GETTIME, FUTEX, FUTEX_WAKE, GETTID, MADVISE, PAGE, SCHED_YIELD,
};
use reenact_interpose::breakpoints::{self, Breakpoint};
use reenact_interpose::short_decoder::LONGEST;
use reenact_interpose::waiting_loop::{self, Sign};
use reenact_trace::checksum::checksum;
use reenact_trace::event::instruction;
use reenact_trace::registers::TRAP_FLAG;
use reenact_trace::{EventKind, Tag};

use crate::log::{self, Builder, TICKS_PER_MS};
use crate::sites::{self, Trap};
use crate::thread::Thread;
use crate::{code_ranges, guest, resting_loops, run_queue, scheduler, signal};

/// A place.
#[derive(Clone, Copy)]
struct Place {
    /// 0: none.
    address: u64,
    /// Where the loop goes on behind it; 0: not known.
    onwards: u64,
    /// The loop counts how long it waits: perhaps it only computes.
    counts: bool,
    /// The registers that the loop changes.
    changes: u16,
    /// For how many passes a thread that comes there is watched next, and how many more hand over unwatched.
    watch: u64,
    trusted: u64,
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
    onwards: 0,
    counts: false,
    changes: 0,
    watch: 0,
    trusted: 0,
    passes: 0,
    since: 0,
    in_vain: 0,
}; MOST];

/// Turns in succession in which threads only came to such places once more, and the event of the last one.
static mut VAIN_TURNS: u64 = 0;
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
pub fn notice(thread: &Thread, sign: Sign, event: &mut Builder) {
    if may_have_places(thread) {
        begin(thread.frame.registers.rip, sign, event);
    }
}

fn may_have_places(thread: &Thread) -> bool {
    thread.link == 0 && thread.frame.registers.rflags & TRAP_FLAG == 0
}

/// Put a breakpoint into the loop at `ip`, with this event.
fn begin(ip: u64, sign: Sign, event: &mut Builder) {
    let Some(found) = waiting_loop::find(ip, sign, read) else {
        return;
    };
    let address = found.address;
    if found.counts && resting_loops::is_resting(address) {
        return;
    }
    let free = places().iter_mut().find(|place| place.address == 0);
    let Some(place) = place(address).or(free) else {
        return;
    };
    if breakpoints::insert(address, instruction::WAIT) {
        *place = Place {
            address,
            onwards: found.onwards,
            counts: found.counts,
            changes: found.changes,
            watch: SHORTEST_WATCH,
            trusted: 0,
            passes: 0,
            since: log::places(),
            in_vain: 0,
        };
        event.bytes(Tag::Breakpoints, 0, &address.to_le_bytes());
    }
}

/// Where a thread was found spinning that is not described there, because it would cost much; 0: nowhere. And how.
static DUE: AtomicU64 = AtomicU64::new(0);
static mut DUE_SIGN: Sign = Sign::Hint;

/// The thread has been found spinning at `ip`, where it goes on: the loop gets its breakpoint with the next event that can
/// have it. In a signal handler.
pub fn intend(thread: &Thread, ip: u64) {
    if thread.link == 0 && DUE.load(Ordering::Relaxed) == 0 {
        // SAFETY: one thread at a time.
        unsafe { DUE_SIGN = thread.sign };
        DUE.store(ip, Ordering::Relaxed);
    }
}

/// Whether a loop is to get its breakpoint.
#[inline(always)]
pub fn is_due() -> bool {
    DUE.load(Ordering::Relaxed) != 0
}

/// The event of a call has been begun. Those that wait are not taken: others may be at the place before such an event is
/// whole.
#[cold]
#[inline(never)]
pub fn begin_due(thread: &Thread, number: u64, args: &[u64; 6], event: &mut Builder) {
    const OPERATION: u64 = 0x7f;
    let waits = match number {
        FUTEX => !matches!(args[1] & OPERATION, FUTEX_WAKE),
        SCHED_YIELD | MADVISE | GETTID | CLOCK_GETTIME => false,
        _ => true,
    };
    if waits || thread.vfork_child || !may_have_places(thread) {
        return;
    }
    // SAFETY: one thread at a time.
    let sign = unsafe { DUE_SIGN };
    begin(DUE.swap(0, Ordering::Relaxed), sign, event);
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
    let is_left = place.onwards != 0 && next != place.onwards;
    let is_starved = place.counts && thread.starved > resting_loops::MOST_STARVED;
    let vain_turns = vain_turns();
    let verdict = if place.counts {
        watch(thread, place, is_left)
    } else {
        Verdict::Waits
    };
    let is_vain = is_starved || verdict == Verdict::Computes || vain_turns > most_vain_turns();
    let hands_over = verdict == Verdict::Waits
        && !is_left
        && !is_vain
        && may_hand_over(thread)
        && is_useful(place, vain_turns);
    place.in_vain = if hands_over { 0 } else { place.in_vain + 1 };
    let is_over = is_vain || place.in_vain > most_in_vain();
    let may_log = !thread.vfork_child && thread.frame.registers.rflags & TRAP_FLAG == 0;
    if may_log && (hands_over || is_over) {
        let mut event = Builder::new(EventKind::Preempted, 0);
        event.header.ip = site.address;
        event.header.register_checksum = thread.frame.registers.checksum();
        (event.header.args[0], event.header.args[1]) = (place.passes, next);
        if is_over && site.remove() {
            place.address = 0;
            if place.counts {
                resting_loops::begin(
                    site.address,
                    if is_starved {
                        resting_loops::MOST_STARVED
                    } else {
                        0
                    },
                );
                thread.starved = 0;
            }
            event.bytes(Tag::Patch, site.address, &[site.original, site.original]);
        }
        event.commit();
    }
    thread.frame.registers.rip = next;
    let changes = place.changes;
    if may_log && hands_over {
        hand_over(thread, site.address, changes);
    }
    Trap::Performed
}

/// What a thread does in a loop that counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Waits,
    /// It has left the loop while nobody else ran.
    Computes,
    Unknown,
}

/// For how many passes a thread is watched before it may hand over in a loop that counts: four times as many each time, and
/// four times as many hand over unwatched then. Loops that are longer are known by turns in vain.
const SHORTEST_WATCH: u64 = 16;
const LONGEST_WATCH: u64 = 256;

/// The thread has come to the place of a loop that counts. Whether it waits there for others: then it does not leave the
/// loop while none of them runs.
fn watch(thread: &mut Thread, place: &mut Place, is_left: bool) -> Verdict {
    if place.trusted > 0 {
        place.trusted -= 1;
        return Verdict::Waits;
    }
    let state = left_alone(thread, place.changes);
    let goes_on = thread.watched_at == place.address && thread.watched_since == log::places();
    if is_left {
        thread.watched_at = 0;
        return if goes_on {
            Verdict::Computes
        } else {
            Verdict::Unknown
        };
    }
    if !goes_on {
        (thread.watched_at, thread.watched_since) = (place.address, log::places());
        (thread.watched_state, thread.watched_passes) = (state, 0);
    }
    thread.watched_passes += 1;
    if thread.watched_state != state {
        thread.watched_at = 0;
        return Verdict::Computes;
    }
    if thread.watched_passes < place.watch {
        return Verdict::Unknown;
    }
    thread.watched_at = 0;
    place.trusted = 4 * place.watch;
    if place.watch == LONGEST_WATCH {
        resting_loops::forget(place.address);
    }
    place.watch = (4 * place.watch).min(LONGEST_WATCH);
    Verdict::Waits
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

/// Turns in vain that cost as much as the next landing will. All wait for something else then, or as long as they
/// count to a number, to which they count faster without a breakpoint.
fn most_vain_turns() -> u64 {
    const TURN_NS: u64 = 5_000;
    (signal::last_landing_ns() / TURN_NS).clamp(100, 2000)
}

/// How many turns in succession were in vain, if nothing else has happened since.
fn vain_turns() -> u64 {
    // SAFETY: one thread at a time.
    unsafe {
        if LAST_TURN == log::places() {
            VAIN_TURNS
        } else {
            0
        }
    }
}

/// Whether to hand over may help. The more turns have been in vain, the longer they become, but for threads that do not
/// wait so.
fn is_useful(place: &Place, vain_turns: u64) -> bool {
    const TURNS: u64 = 64;
    place.passes > vain_turns / TURNS || run_queue::lock().has_not_spinning()
}

/// A hash of the registers that the loop leaves as they are: while it is the same, the thread has most likely not left it.
fn left_alone(thread: &Thread, changes: u16) -> u64 {
    let mut kept = thread.frame.registers;
    // As the processor numbers them.
    let general = [
        &mut kept.rax,
        &mut kept.rcx,
        &mut kept.rdx,
        &mut kept.rbx,
        &mut kept.rsp,
        &mut kept.rbp,
        &mut kept.rsi,
        &mut kept.rdi,
        &mut kept.r8,
        &mut kept.r9,
        &mut kept.r10,
        &mut kept.r11,
        &mut kept.r12,
        &mut kept.r13,
        &mut kept.r14,
        &mut kept.r15,
    ];
    for (number, register) in general.into_iter().enumerate() {
        if changes >> number & 1 != 0 {
            *register = 0;
        }
    }
    kept.rflags = 0;
    // Of all of them: what an event has leaves out those that a system call loses.
    checksum(kept.as_bytes())
}

/// Whether the thread, which was twice found in one loop, waits there and counts how long. In a signal handler: only
/// code of this page is looked at, because a fault could not be caught.
pub fn may_count_at(ip: u64, sign: Sign) -> bool {
    let page = guest::page_down(ip);
    let read_here = |address: u64, code: &mut [u8; LONGEST]| {
        if guest::page_down(address) != page {
            return 0;
        }
        let length = LONGEST.min((page + PAGE - address) as usize);
        if code_ranges::find(address, 1).is_none() || !guest::read(address, &mut code[..length]) {
            return 0;
        }
        breakpoints::show_original(address, &mut code[..length]);
        length
    };
    waiting_loop::find(ip, sign, read_here)
        .is_some_and(|place| !resting_loops::is_resting(place.address))
}

fn hand_over(thread: &mut Thread, address: u64, changes: u16) {
    const SHORT: u64 = TICKS_PER_MS / 50;
    let state = left_alone(thread, changes);
    let is_vain = thread.spins_at == address
        && core::mem::replace(&mut thread.left_alone, state) == state
        && scheduler::turn_length() < SHORT;
    if !is_vain {
        thread.starved = 0;
    }
    // SAFETY: one thread at a time.
    unsafe {
        VAIN_TURNS = if is_vain { VAIN_TURNS + 1 } else { 0 };
        LAST_TURN = log::places();
    }
    thread.spins = 1;
    thread.spins_at = address;
    let start = log::time();
    scheduler::yield_now(thread);
    let away = log::time().wrapping_sub(start);
    // Less is what others take who wait, too.
    if away > TICKS_PER_MS {
        thread.starved += away;
    }
}
