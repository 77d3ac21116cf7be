//! Memory for trampolines, within reach of the code that jumps to them.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall6};

use crate::trampoline;

/// Pages of trampolines.
#[derive(Clone, Copy)]
struct Area {
    start: u64,
    used: u64,
}

const AREA_SIZE: u64 = 16 * 1024;
const TRAMPOLINE_SIZE: u64 = trampoline::SIZE as u64;
const MOST: usize = 64;
/// How far a trampoline may be: a jump reaches 2 GiB, and the site is not at the area's start.
const REACH: u64 = 0x7000_0000;
static mut AREAS: [Area; MOST] = [Area { start: 0, used: 0 }; MOST];
static mut COUNT: usize = 0;

fn areas() -> &'static mut [Area] {
    // SAFETY: one thread at a time; the count never exceeds the table.
    unsafe { core::slice::from_raw_parts_mut((&raw mut AREAS).cast(), COUNT) }
}

fn is_near(area: &Area, site: u64) -> bool {
    area.start.abs_diff(site) < REACH
}

/// Whether an address lies in a trampoline, or in memory for them.
pub fn contain(address: u64) -> bool {
    areas()
        .iter()
        .any(|area| address >= area.start && address < area.start + AREA_SIZE)
}

/// All the memory for them: start and end of each piece.
pub fn all() -> impl Iterator<Item = [u64; 2]> {
    areas()
        .iter()
        .map(|area| [area.start, area.start + AREA_SIZE])
}

/// Unmap it: nothing leads there any more.
pub fn unmap_all() {
    for area in areas() {
        // SAFETY: a mapping of ours.
        unsafe { syscall3(MUNMAP, area.start, AREA_SIZE, 0) };
    }
    // SAFETY: one thread at a time.
    unsafe { COUNT = 0 };
}

/// Address of a free trampoline within reach of `site`.
pub fn allocate(site: u64) -> Option<u64> {
    let has_room =
        |area: &&mut Area| is_near(area, site) && area.used + TRAMPOLINE_SIZE <= AREA_SIZE;
    if let Some(area) = areas().iter_mut().find(has_room) {
        area.used += TRAMPOLINE_SIZE;
        return Some(area.start + area.used - TRAMPOLINE_SIZE);
    }
    // SAFETY: one thread at a time.
    if unsafe { COUNT } == MOST {
        return None;
    }
    let start = map_near(site)?;
    // SAFETY: one thread at a time; there is room for one more.
    unsafe { COUNT += 1 };
    if let Some(last) = areas().last_mut() {
        *last = Area {
            start,
            used: TRAMPOLINE_SIZE,
        };
    }
    Some(start)
}

/// New memory within reach of `site`.
fn map_near(site: u64) -> Option<u64> {
    const UNIT: u64 = 1 << 28;
    let unit = site & !(UNIT - 1);
    for hint in [0, unit.wrapping_sub(UNIT), unit + 2 * UNIT] {
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
            used: 0,
        };
        if is_near(&area, site) {
            return Some(area.start);
        }
        // SAFETY: the mapping just made.
        unsafe { syscall3(MUNMAP, area.start, AREA_SIZE, 0) };
    }
    None
}
