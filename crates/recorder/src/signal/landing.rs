//! What a replay needs to find a place in the middle of computation: all registers and checksums
//! of the memory the program can have written. The whole state occurs in the replay; if it occurs
//! twice the program is in a loop that only outside input ends, and either place is right.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use reenact_freestanding::numbers;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::checksum::checksum;
use reenact_trace::{EventKind, Registers, Tag};

use super::{dirty, landing_cost, vectors_at_landing};
use crate::guest;
use crate::log::Builder;
use crate::pagemap::{Scan, FILE, ONLY_TRACKED, PRESENT, PROTECT, REGIONS, SWAPPED, WRITTEN, ZERO};
use crate::writable_memory::{Range, WritableMemory};
use reenact_interpose::Frame;

/// Checksums are taken page by page, so that a replay can tell from one page that memory differs.
const PIECE: u64 = PAGE;
/// What a function may use below the stack pointer.
const RED_ZONE: u64 = 128;

/// A first write to a protected page, as measured.
const FIRST_WRITE_NS: u64 = 2_000;
/// Pages that the landing at hand has attached.
static ATTACHED: AtomicU64 = AtomicU64::new(0);

/// Pages of which a landing has the content too: those that have changed since the last landing.
/// In a loop whose registers repeat, a replay then knows the word to wait for.
const CONTENTS: u32 = 64;
static CONTENTS_LEFT: AtomicU32 = AtomicU32::new(0);
/// Checksums of pages at the last landing, by page number; other pages may share a place.
const KNOWN: usize = 8192;
static KNOWN_CHECKSUMS: [AtomicU64; KNOWN] = [const { AtomicU64::new(0) }; KNOWN];

/// Time that this thread has computed: what others take of a busy machine is not the landing's.
fn now_ns() -> u64 {
    const THREAD_CPUTIME: u64 = 3;
    let mut time = [0u64; 2];
    // SAFETY: a timespec of ours.
    unsafe {
        syscall2(
            numbers::CLOCK_GETTIME,
            THREAD_CPUTIME,
            time.as_mut_ptr() as u64,
        )
    };
    time[0].wrapping_mul(1_000_000_000).wrapping_add(time[1])
}

/// Attach the landing to an event.
pub fn describe(event: &mut Builder, interrupted: &Frame) {
    let before = &interrupted.registers;
    let start = now_ns();
    event.bytes(Tag::Registers, 1, before.as_bytes());
    vectors_at_landing::attach(event, interrupted);
    CONTENTS_LEFT.store(CONTENTS, Ordering::Relaxed);
    ATTACHED.store(0, Ordering::Relaxed);
    dirty::begin_if_worth_it(own_pages());
    attach_memory(event, before, dirty::is_on());
    CONTENTS_LEFT.store(0, Ordering::Relaxed);
    let own = now_ns().wrapping_sub(start);
    // What was written between two landings will be written again before the next one.
    let faults = if dirty::is_on() {
        ATTACHED.load(Ordering::Relaxed) * FIRST_WRITE_NS
    } else {
        0
    };
    landing_cost::set(own + faults);
}

/// Log where the program is in the middle of computation.
pub fn log(interrupted: &Frame) {
    log_with(interrupted, |_| {});
}

/// The same; `more` adds to the event.
pub fn log_with(interrupted: &Frame, more: impl FnOnce(&mut Builder)) {
    let registers = interrupted.registers;
    let mut event = Builder::new(EventKind::Preempted, 0);
    event.header.ip = registers.rip;
    event.header.register_checksum = registers.checksum();
    describe(&mut event, interrupted);
    more(&mut event);
    event.commit();
}

fn open(name: &core::ffi::CStr) -> i64 {
    let flags = O_RDONLY | O_CLOEXEC;
    // SAFETY: a name of ours.
    unsafe { syscall4(OPENAT, AT_FDCWD as u64, name.as_ptr() as u64, flags, 0) }
}

/// Attach checksums of all memory the program can have written.
pub fn memory(event: &mut Builder, before: &Registers) {
    attach_memory(event, before, false);
}

/// The same, or only of what it has written since the last landing, where that is known.
fn attach_memory(event: &mut Builder, before: &Registers, only_written: bool) {
    // To the byte: below there are areas that the dynamic linker's XSAVEC has left, whose first word
    // says which registers are in use. Zeroed ones are or are not, by whether the processor has
    // switched tasks meanwhile.
    let stack = before.rsp.wrapping_sub(RED_ZONE);
    let memory = WritableMemory::open();
    let pages = memory.pages();
    memory.ranges(|range| {
        let Range {
            from,
            to,
            is_shared,
        } = range;
        // Below the stack pointer there is only what nobody will read again.
        let least = if stack >= from && stack < to {
            stack
        } else {
            from
        };
        let tells_written = only_written && !is_shared;
        if !(tells_written && add_written(event, pages, [from, least, to])) {
            memory.parts(range, least, |start, end| add(event, start, end));
            if tells_written {
                dirty::register(from, to);
                protect(pages, from, to);
            }
        }
    });
}

/// Pages of memory that is not a file's.
fn own_pages() -> u64 {
    let file = open(c"/proc/self/statm");
    if file < 0 {
        return 0;
    }
    let mut text = [0u8; 128];
    // SAFETY: our descriptor and our buffer.
    let count = unsafe {
        let count = syscall3(
            READ,
            file as u64,
            text.as_mut_ptr() as u64,
            text.len() as u64,
        );
        syscall2(CLOSE, file as u64, 0);
        count
    };
    // Size, resident, resident of files and shared memory.
    let mut numbers = text[..count.max(0) as usize]
        .split(|&byte| byte == b' ')
        .map(|word| {
            word.iter()
                .take_while(|byte| byte.is_ascii_digit())
                .fold(0u64, |number, &digit| number * 10 + u64::from(digit - b'0'))
        });
    let resident = numbers.nth(1).unwrap_or(0);
    resident.saturating_sub(numbers.next().unwrap_or(0))
}

/// Add what the program has written of a mapping since the last landing, from `least` on. False
/// if that is not known.
fn add_written(event: &mut Builder, pages: i64, [from, least, to]: [u64; 3]) -> bool {
    let mut regions = [[0u64; 3]; REGIONS];
    let mut at = from;
    while at < to {
        let scan = Scan {
            flags: PROTECT | ONLY_TRACKED,
            from: at,
            to,
            inverted: FILE | ZERO,
            all_of: FILE | ZERO | WRITTEN,
            any_of: PRESENT | SWAPPED,
        };
        // The kernel lifts the protection by itself.
        let Some((count, end)) = scan.run(pages, &mut regions) else {
            return false;
        };
        for &[start, end, _] in &regions[..count] {
            if end > least {
                add(event, start.max(least), end);
            }
        }
        at = end;
    }
    true
}

/// Protect all that is there of a mapping. Where it fails, all of it counts as written.
fn protect(pages: i64, from: u64, to: u64) {
    let scan = Scan {
        flags: PROTECT | ONLY_TRACKED,
        from,
        to,
        inverted: FILE | ZERO,
        all_of: FILE | ZERO | WRITTEN,
        any_of: PRESENT | SWAPPED,
    };
    let _ = scan.run(pages, &mut []);
}

fn add(event: &mut Builder, from: u64, to: u64) {
    let mut at = from;
    while at < to {
        let end = ((at & !(PIECE - 1)) + PIECE).min(to);
        let mut payload = [0u8; 16 + PIECE as usize];
        let (head, bytes) = payload.split_at_mut(16);
        let bytes = &mut bytes[..(end - at) as usize];
        if !guest::read(at, bytes) {
            // The end of a file, or memory that a forked child did not inherit.
            at = end;
            continue;
        }
        let checksum = checksum(bytes);
        let mut length = 16;
        head[..8].copy_from_slice(&(end - at).to_le_bytes());
        head[8..].copy_from_slice(&checksum.to_le_bytes());
        let left = CONTENTS_LEFT.load(Ordering::Relaxed);
        let known = &KNOWN_CHECKSUMS[(at / PAGE) as usize % KNOWN];
        if known.swap(checksum, Ordering::Relaxed) != checksum && left > 0 {
            CONTENTS_LEFT.store(left - 1, Ordering::Relaxed);
            length += bytes.len();
        }
        event.bytes(Tag::MemoryChecksum, at, &payload[..length]);
        ATTACHED.fetch_add(1, Ordering::Relaxed);
        at = end;
    }
}
