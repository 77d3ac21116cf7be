//! What the program has mapped where, with which protection: kept from its calls, because the files under `/proc`
//! that tell it can be out of reach (no procfs, a sandbox that forbids it, no descriptor left).
//!
//! Design constraints:
//! * It is a table of what the program may do with memory, not of what is there: pages can be missing (a child that
//!   did not inherit them, the end of a file), so who reads what it tells of uses guarded copies.
//! * It costs each call that changes mappings a search in a sorted table, and nothing else.
//! * Processes in one memory have it in common, as it lies there.

use core::ops::Range as Addresses;

use reenact_freestanding::numbers::*;
use reenact_trace::snapshot::mapping;
use reenact_trace::{FileId, MapRecord};

use crate::guest::{is_mapped, page_up};
use crate::range_table::{Range, Table};

/// A range of memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub start: u64,
    pub end: u64,
    /// PROT_* bits.
    pub protection: u32,
    pub is_shared: bool,
    is_of_file: bool,
    /// What a snapshot says of it; the length is the area's.
    record: MapRecord,
    /// The kernel extends it downwards when the program comes to what is below.
    grows: bool,
    /// A page of it can be another one than its file's.
    was_writable: bool,
    /// What forked children have of it: flags of a snapshot's `Map`.
    pub at_fork: u16,
}

impl Area {
    fn is_writable(&self) -> bool {
        u64::from(self.protection) & PROT_WRITE != 0
    }

    /// Whether a limit of data counts it.
    fn is_data(&self) -> bool {
        self.is_writable() && !self.is_shared && !self.grows
    }

    /// Whether a limit of data would count it, if it were writable.
    pub fn would_be_data(&self) -> bool {
        !self.is_writable() && !self.is_shared && !self.grows
    }

    /// As the log would have it: a mapping made now, with what is there.
    pub fn record(&self) -> MapRecord {
        MapRecord {
            length: self.end - self.start,
            protection: self.protection,
            ..self.record
        }
    }

    /// Whether the program can have pages of its own here: copied when they were written to.
    pub fn can_have_own_pages(&self) -> bool {
        !self.is_shared && self.was_writable
    }
}

impl Range for Area {
    const NONE: Area = Area {
        start: 0,
        end: 0,
        protection: 0,
        is_shared: false,
        is_of_file: false,
        record: NO_RECORD,
        grows: false,
        was_writable: false,
        at_fork: 0,
    };

    fn start(&self) -> u64 {
        self.start
    }

    fn end(&self) -> u64 {
        self.end
    }

    fn part(&self, from: u64, to: u64) -> Area {
        let start = self.start.max(from);
        let mut part = Area {
            start,
            end: self.end.min(to),
            ..*self
        };
        if self.is_of_file {
            part.record.offset += start - self.start;
        }
        part
    }

    fn goes_on_in(&self, next: &Area) -> bool {
        let continued = self.part(next.start, u64::MAX);
        !next.grows
            && *next
                == Area {
                    end: next.end,
                    ..continued
                }
    }

    fn extended(&self, end: u64) -> Area {
        Area { end, ..*self }
    }
}

const NO_RECORD: MapRecord = MapRecord {
    length: 0,
    protection: 0,
    flags: 0,
    file: 0,
    object: 0,
    offset: 0,
    file_size: 0,
};

/// As many as the kernel allows, and twice that where more are allowed than usual.
const CAPACITY: usize = 1 << 17;

static mut TABLE: Table<Area, CAPACITY> = Table::new();

fn table() -> &'static mut Table<Area, CAPACITY> {
    let table = &raw mut TABLE;
    // SAFETY: one thread at a time, and no reference is kept.
    unsafe { &mut *table }
}

fn whole_pages(address: u64, length: u64) -> Addresses<u64> {
    let from = address & !(PAGE - 1);
    from..page_up(address.saturating_add(length).min(u64::MAX - PAGE))
}

/// A mapping has been made.
pub fn map(address: u64, record: &MapRecord) {
    let pages = whole_pages(address, record.length);
    let flags = u64::from(record.flags);
    let mut area = Area {
        start: pages.start,
        end: pages.end,
        protection: record.protection,
        is_shared: flags & MAP_SHARED != 0,
        is_of_file: flags & MAP_ANONYMOUS == 0 || record.file != FileId::NONE.0,
        record: MapRecord {
            // Those of the area count.
            length: 0,
            protection: 0,
            ..*record
        },
        grows: flags & MAP_GROWSDOWN != 0,
        was_writable: false,
        at_fork: if flags & MAP_TYPE == MAP_DROPPABLE {
            mapping::WIPED
        } else {
            0
        },
    };
    area.was_writable = area.is_writable();
    forget(pages);
    // Without room for it, it is not known: a landing is the less exact.
    table().add(area);
}

fn forget(pages: Addresses<u64>) {
    table().remove(pages.start, pages.end, |_| {});
}

/// A range is no longer mapped.
pub fn unmap(address: u64, length: u64) {
    forget(whole_pages(address, length));
}

/// What is mapped of a range has another protection. `protection`: as the call has it.
pub fn protect(address: u64, length: u64, protection: u64) {
    let pages = whole_pages(address, length);
    let mut at = pages.start;
    if protection & PROT_GROWSDOWN != 0 {
        let growing = table().overlapping(at, at + 1).first();
        at = growing.map_or(at, |area| area.start);
    }
    let protection = (protection & (PROT_READ | PROT_WRITE | PROT_EXEC)) as u32;
    while let Some(part) = table().lowest_part(at, pages.end) {
        at = part.end;
        if part.protection == protection {
            continue;
        }
        let mut area = Area { protection, ..part };
        area.was_writable |= area.is_writable();
        forget(part.start..part.end);
        table().add(area);
    }
}

/// Forked children have something else, or again the same, of what is mapped of a range.
pub fn advise_fork(address: u64, length: u64, flag: u16, is_set: bool) {
    let pages = whole_pages(address, length);
    let mut at = pages.start;
    while let Some(part) = table().lowest_part(at, pages.end) {
        at = part.end;
        let at_fork = if is_set {
            part.at_fork | flag
        } else {
            part.at_fork & !flag
        };
        if part.at_fork != at_fork {
            forget(part.start..part.end);
            table().add(Area { at_fork, ..part });
        }
    }
}

/// This is a forked child from here on: it does not have all that its parent had.
pub fn after_fork() {
    let mut at = 0;
    while let Some(part) = table().lowest_part(at, u64::MAX) {
        at = part.end;
        if part.at_fork & mapping::LEFT_OUT != 0 {
            forget(part.start..part.end);
        }
    }
}

/// `mremap` has answered: what was mapped of the old range is in the new one, the last of it extended.
/// `keeps`: it also stays where it was.
pub fn remap([old, old_length]: [u64; 2], [new, new_length]: [u64; 2], keeps: bool) {
    let (from, to) = (whole_pages(old, old_length), whole_pages(new, new_length));
    if to.start != from.start {
        forget(to.clone());
    }
    // Without a length, it is mapped once more.
    let is_doubled = from.is_empty();
    let looked_to = if is_doubled { from.start + 1 } else { from.end };
    let mut at = from.start;
    while let Some(part) = table().lowest_part(at, looked_to) {
        at = part.end;
        let is_last = at == looked_to;
        let start = to.start + (part.start - from.start);
        let end = to.start + (part.end - from.start);
        let end = if is_last { to.end } else { end.min(to.end) };
        if start < end {
            forget(start..end);
            table().add(Area { start, end, ..part });
        }
    }
    if is_doubled || keeps {
        return;
    }
    if to.start != from.start {
        forget(from);
    } else if to.end < from.end {
        forget(to.end..from.end);
    }
}

/// Where the first area of a range begins that is not private memory without a file.
pub fn first_not_anonymous(from: u64, to: u64) -> Option<u64> {
    let areas = table().overlapping(from, to).iter().rev();
    let mut others = areas.filter(|area| area.is_shared || area.is_of_file);
    others.next().map(|area| area.start)
}

/// Whether a limit of data counts what is mapped at an address.
pub fn is_data(address: u64) -> bool {
    let areas = table().overlapping(address, address.saturating_add(1));
    areas.first().is_some_and(Area::is_data)
}

/// Whether what is mapped at an address is shared with others.
pub fn is_shared(address: u64) -> bool {
    let areas = table().overlapping(address, address.saturating_add(1));
    areas.first().is_some_and(|area| area.is_shared)
}

/// Bytes that are mapped outside a range: of all kinds, and of the kind that a limit of data counts (private, writable,
/// no stack; include/linux/mm.h: is_data_mapping).
pub fn sizes_outside(from: u64, to: u64) -> [u64; 2] {
    let [mut all, mut data] = [0; 2];
    let mut add = |area: &Area| {
        let inside = area.end.min(to).saturating_sub(area.start.max(from));
        let size = area.end - area.start - inside;
        all += size;
        if area.is_data() {
            data += size;
        }
    };
    for_areas(0, u64::MAX, |area| add(area));
    [all, data]
}

/// Go through all areas as they were made, in order of their addresses: one that grows as long as it may become.
pub fn for_made(mut act: impl FnMut(&Area)) {
    for area in table().all().iter().rev() {
        act(area);
    }
}

/// Go through the areas that a range touches, in order of their addresses. `act` maps nothing of the program's.
pub fn for_areas(from: u64, to: u64, mut act: impl FnMut(&Area)) {
    let mut lowest = 0;
    for area in table().overlapping(from, to).iter().rev() {
        let area = if area.grows {
            as_grown(area, lowest)
        } else {
            *area
        };
        lowest = area.end;
        if area.start < area.end {
            act(&area);
        }
    }
}

/// An area as far as the kernel has extended it now, above `lowest`.
fn as_grown(area: &Area, lowest: u64) -> Area {
    let is_there_from = |start: u64| start >= lowest && is_mapped(start, area.end - start);
    let (mut there, mut not_there) = if is_there_from(area.start) {
        // It can be longer than it was made: in steps that become longer.
        let (mut there, mut step) = (area.start, PAGE);
        while there > step && is_there_from(there - step) {
            there -= step;
            step *= 2;
        }
        (there, there.saturating_sub(step))
    } else {
        (area.end, area.start)
    };
    while there - not_there > PAGE {
        let middle = not_there + (there - not_there) / PAGE / 2 * PAGE;
        if is_there_from(middle) {
            there = middle;
        } else {
            not_there = middle;
        }
    }
    Area {
        start: there,
        ..*area
    }
}
