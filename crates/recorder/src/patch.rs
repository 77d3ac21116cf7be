//! Hot call sites: the first traps of a `syscall` instruction count, then the site becomes a
//! jump to a trampoline near it.
//!
//! Two shapes are patched, in code that the program cannot write to, both proven by the execution
//! that brought us here:
//! * `mov eax, NUMBER; syscall`: the five bytes of the `mov` become the jump and the `syscall`
//!   stays: whoever jumps to it directly traps as before.
//! * `syscall; cmp rax, imm32`: the eight bytes become the jump, and the trampoline does the
//!   comparison. Only if no branch nearby can land on the comparison.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall6};
use reenact_trace::Tag;

use crate::code_ranges;
use crate::entry;
use crate::guest;
use crate::log::Builder;

/// A site is patched at this many traps: a trap costs some 2 µs, a patch more than 10 µs (the site and
/// the trampoline become writable and executable again), and most sites of a short process are
/// executed two or three times.
const THRESHOLD: u8 = 6;

/// Traps of a site: its address, and below that how often it has trapped, and whether a patch was
/// tried and is not possible. One word: each page of the table costs a process a page fault.
#[derive(Clone, Copy)]
struct Counter(u64);

impl Counter {
    const FREE: Counter = Counter(0);
    const ONE_TRAP: u64 = 1;
    const TRAPS: u64 = 0x7f;
    const REFUSED: u64 = 0x80;

    fn new(address: u64) -> Counter {
        Counter(address << 8)
    }

    fn address(self) -> u64 {
        self.0 >> 8
    }
}

const COUNTERS: usize = 1024;
static mut TABLE: [Counter; COUNTERS] = [Counter::FREE; COUNTERS];

/// Pages of trampolines.
#[derive(Clone, Copy)]
struct Area {
    start: u64,
    used: u64,
}

const AREA_SIZE: u64 = 16 * 1024;
const TRAMPOLINE_SIZE: u64 = 64;
const AREAS: usize = 64;
static mut AREA_TABLE: [Area; AREAS] = [Area { start: 0, used: 0 }; AREAS];
static mut AREA_COUNT: usize = 0;

fn counter(address: u64) -> &'static mut Counter {
    let index = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % COUNTERS;
    // SAFETY: one thread at a time; the index is in range.
    unsafe { &mut *(&raw mut TABLE).cast::<Counter>().add(index) }
}

/// Where the instructions moved by the patches went on: the address after the `syscall` and the
/// trampoline's tail.
const PATCHES: usize = 4096;
static mut MOVED: [[u64; 2]; PATCHES] = [[0; 2]; PATCHES];
static mut MOVED_COUNT: usize = 0;

/// Where to go on for the program's address `ip`: inside a patched comparison that is the tail
/// of its trampoline. Asked whenever a saved address is resumed (after a signal handler).
pub fn resume_address(ip: u64) -> u64 {
    // SAFETY: one thread at a time.
    let moved =
        unsafe { core::slice::from_raw_parts((&raw const MOVED).cast::<[u64; 2]>(), MOVED_COUNT) };
    moved
        .iter()
        .find(|entry| entry[0] == ip)
        .map_or(ip, |entry| entry[1])
}

/// Code at these addresses has been replaced: patches in it are no more.
pub fn forget(address: u64, length: u64) {
    code_ranges::remove(address, length);
    let inside = |at: u64| at >= address && at < address.saturating_add(length);
    // SAFETY: one thread at a time.
    unsafe {
        let moved =
            core::slice::from_raw_parts_mut((&raw mut MOVED).cast::<[u64; 2]>(), MOVED_COUNT);
        for entry in moved.iter_mut().filter(|entry| inside(entry[0])) {
            entry[0] = 0;
        }
    }
    // SAFETY: one thread at a time.
    let counters =
        unsafe { core::slice::from_raw_parts_mut((&raw mut TABLE).cast::<Counter>(), COUNTERS) };
    for counter in counters
        .iter_mut()
        .filter(|counter| inside(counter.address()))
    {
        *counter = Counter::FREE;
    }
}

/// A system call trapped; `after` is the address behind the `syscall` instruction. The program
/// may have to go on elsewhere than there: see [`resume_address`].
#[inline(never)]
pub fn consider(after: u64, number: u64, event: &mut Builder) {
    let counter = counter(after);
    if counter.address() != after {
        // A colliding site takes the place over: the table counts what is hot now.
        *counter = Counter::new(after);
    }
    if counter.0 & Counter::TRAPS < u64::from(THRESHOLD) {
        counter.0 += Counter::ONE_TRAP;
    }
    if counter.0 & Counter::REFUSED != 0 || counter.0 & Counter::TRAPS < u64::from(THRESHOLD) {
        return;
    }
    if !patch(after, number, event) {
        counter.0 |= Counter::REFUSED;
    }
}

/// The numbers that must trap: they leave by other ways than the end of the trampoline, or
/// unwinders read the bytes around them.
fn never(number: u64) -> bool {
    matches!(
        number,
        RT_SIGRETURN | CLONE | FORK | VFORK | CLONE3 | EXECVE | EXECVEAT
    )
}

/// Whether an address lies in one of our trampolines.
fn is_trampoline(address: u64) -> bool {
    // SAFETY: one thread at a time; the count never exceeds the table.
    let areas =
        unsafe { core::slice::from_raw_parts((&raw const AREA_TABLE).cast::<Area>(), AREA_COUNT) };
    areas
        .iter()
        .any(|area| address >= area.start && address < area.start + AREA_SIZE)
}

fn patch(after: u64, number: u64, event: &mut Builder) -> bool {
    // SAFETY: one thread at a time.
    if never(number) || unsafe { MOVED_COUNT } == PATCHES {
        return false;
    }
    let mut code = [0u8; 16];
    // Eight bytes before the instruction, six after it.
    if !code_ranges::contain(after - 10, code.len() as u64)
        || !guest::read(after - 10, &mut code)
        || code[8..10] != [0x0f, 0x05]
    {
        return false;
    }
    // The `syscall` of a patched `mov` stays, and a signal handler may return to it: the
    // trampoline comes back behind it, so nothing there may change any more.
    let displacement = i32::from_le_bytes([code[4], code[5], code[6], code[7]]);
    let target = (after - 2).wrapping_add(displacement as u64);
    if code[3] == 0xe9 && is_trampoline(target) {
        return false;
    }
    let before_mov = code[2];
    let mov_matches = code[3] == 0xb8
        && u64::from(u32::from_le_bytes([code[4], code[5], code[6], code[7]])) == number
        // A REX prefix before B8 would make it another register or a 64-bit immediate.
        && before_mov & 0xf0 != 0x40;
    if mov_matches {
        return install(after - 7, 5, after, Shape::Mov(number as u32), event);
    }
    if code[10..12] == [0x48, 0x3d] && !branch_lands_inside(after - 2, 8) {
        let immediate = [code[12], code[13], code[14], code[15]];
        return install(after - 2, 8, after, Shape::Compare(immediate), event);
    }
    false
}

/// Whether any byte position near the site could be a branch to one of the patched bytes
/// but the first.
fn branch_lands_inside(site: u64, length: u64) -> bool {
    const AROUND: u64 = 160;
    let mut code = [0u8; 2 * AROUND as usize];
    let start = site - AROUND;
    let mut available = code.len();
    if !guest::read(start, &mut code) {
        // Near the end of the mapping: look at what is there.
        let page_end = (site + length + 4095) & !4095;
        available = (page_end - start).min(code.len() as u64) as usize;
        if !guest::read(start, &mut code[..available]) {
            return true;
        }
    }
    let inside = |target: u64| target > site && target < site + length;
    (0..available.saturating_sub(6)).any(|index| {
        let here = start + index as u64;
        let short = |at: usize| {
            here.wrapping_add(at as u64 + 1)
                .wrapping_add(code[index + at] as i8 as u64)
        };
        let near = |at: usize| {
            let bytes = [
                code[index + at],
                code[index + at + 1],
                code[index + at + 2],
                code[index + at + 3],
            ];
            here.wrapping_add(at as u64 + 4)
                .wrapping_add(i32::from_le_bytes(bytes) as u64)
        };
        match code[index] {
            0x70..=0x7f | 0xe0..=0xe3 | 0xeb => inside(short(1)),
            0xe8 | 0xe9 => inside(near(1)),
            0x0f if code[index + 1] & 0xf0 == 0x80 => inside(near(2)),
            _ => false,
        }
    })
}

enum Shape {
    /// `mov eax, NUMBER` is done by the trampoline.
    Mov(u32),
    /// `cmp rax, imm32` is done by the trampoline.
    Compare([u8; 4]),
}

fn near(area: &Area, site: u64) -> bool {
    area.start.abs_diff(site) < 0x7000_0000
}

/// Address of a free trampoline within reach of `site`.
fn allocate(site: u64) -> Option<u64> {
    // SAFETY: one thread at a time.
    let (areas, count) = unsafe {
        (
            core::slice::from_raw_parts_mut((&raw mut AREA_TABLE).cast::<Area>(), AREAS),
            &mut *(&raw mut AREA_COUNT).cast::<usize>(),
        )
    };
    let found = areas[..*count]
        .iter_mut()
        .find(|area| near(area, site) && area.used + TRAMPOLINE_SIZE <= AREA_SIZE);
    if let Some(area) = found {
        area.used += TRAMPOLINE_SIZE;
        return Some(area.start + area.used - TRAMPOLINE_SIZE);
    }
    if *count == AREAS {
        return None;
    }
    let hints = [
        0,
        (site & !0xfff_ffff).wrapping_sub(1 << 28),
        (site & !0xfff_ffff) + (1 << 29),
    ];
    for hint in hints {
        // SAFETY: a fresh mapping where the kernel finds room.
        let result = unsafe {
            syscall6(
                MMAP,
                hint,
                AREA_SIZE,
                PROT_READ | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS,
                u64::MAX,
                0,
            )
        };
        if result <= 0 {
            continue;
        }
        let area = Area {
            start: result as u64,
            used: TRAMPOLINE_SIZE,
        };
        if near(&area, site) {
            areas[*count] = area;
            *count += 1;
            return Some(area.start);
        }
        // SAFETY: the mapping just made.
        unsafe { syscall3(MUNMAP, result as u64, AREA_SIZE, 0) };
    }
    None
}

/// Where the trampolines are, for hiding them.
pub fn is_trampoline_area(start: u64) -> bool {
    // SAFETY: one thread at a time.
    let areas =
        unsafe { core::slice::from_raw_parts((&raw const AREA_TABLE).cast::<Area>(), AREA_COUNT) };
    areas
        .iter()
        .any(|area| start >= area.start && start < area.start + AREA_SIZE)
}

fn relative(from_end: u64, to: u64) -> [u8; 4] {
    (to.wrapping_sub(from_end) as i32).to_le_bytes()
}

fn install(site: u64, length: usize, after: u64, shape: Shape, event: &mut Builder) -> bool {
    let Some(trampoline) = allocate(site) else {
        return false;
    };
    let mut code = [0u8; TRAMPOLINE_SIZE as usize];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        code[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
        at as u64
    };
    if let Shape::Mov(number) = shape {
        put(&[0xb8]);
        put(&number.to_le_bytes());
    }
    // lea rcx, [rip + after]: what the hardware leaves in rcx.
    let end = put(&[0x48, 0x8d, 0x0d]) + 4;
    put(&relative(trampoline + end, after));
    // lea r11, [rip + tail]; jmp [rip + entry]
    put(&[0x4c, 0x8d, 0x1d]);
    put(&6u32.to_le_bytes());
    put(&[0xff, 0x25]);
    let pointer_at = TRAMPOLINE_SIZE - 8;
    let end = put(&[]) + 4;
    put(&((pointer_at - end) as u32).to_le_bytes());
    let tail = trampoline + put(&[]);
    if let Shape::Compare(immediate) = shape {
        put(&[0x48, 0x3d]);
        put(&immediate);
    }
    let back = site
        + if matches!(shape, Shape::Mov(_)) {
            7
        } else {
            length as u64
        };
    let end = put(&[0xe9]) + 4;
    put(&relative(trampoline + end, back));
    code[pointer_at as usize..]
        .copy_from_slice(&(entry::syscall_entry as *const () as u64).to_le_bytes());

    let mut jump = [0xccu8; 8];
    jump[0] = 0xe9;
    jump[1..5].copy_from_slice(&relative(site + 5, trampoline));

    let mut payload = [0u8; 16];
    payload[..length].copy_from_slice(&jump[..length]);
    guest::read(site, &mut payload[length..2 * length]);
    if !write_code(trampoline, &code) || !write_code(site, &jump[..length]) {
        return false;
    }
    if matches!(shape, Shape::Compare(_)) {
        // SAFETY: one thread at a time; the count was checked by `patch`.
        unsafe {
            (&raw mut MOVED)
                .cast::<[u64; 2]>()
                .add(MOVED_COUNT)
                .write([after, tail]);
            MOVED_COUNT += 1;
        }
    }
    event.bytes(Tag::Patch, site, &payload[..2 * length]);
    true
}

/// Put back a byte of code that a breakpoint had replaced.
pub fn restore_code(address: u64, original: u8) -> bool {
    write_code(address, &[original])
}

/// Change code in place. One thread at a time runs, so no other can be half-way through it.
fn write_code(address: u64, bytes: &[u8]) -> bool {
    let start = address & !4095;
    let length = ((address + bytes.len() as u64 + 4095) & !4095) - start;
    // SAFETY: the pages are executable code; they are writable only in between.
    unsafe {
        if syscall3(MPROTECT, start, length, PROT_READ | PROT_WRITE | PROT_EXEC) < 0
            && syscall3(MPROTECT, start, length, PROT_READ | PROT_WRITE) < 0
        {
            return false;
        }
        let done = guest::write(address, bytes);
        syscall3(MPROTECT, start, length, PROT_READ | PROT_EXEC);
        done
    }
}
