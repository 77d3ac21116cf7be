//! Faults whose cause is not in the table of mappings: the end of a mapped file, the limit of the
//! stack (both are the kernel's business), and the growth of stacks.

use reenact_freestanding::numbers;
use reenact_trace::{EventKind, FileId, MapRecord, Tag};
use reenact_translator::{Fault, Stop};

use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;
use crate::mappings::PAGE;
use crate::memory::page_down;

const SIGBUS: i32 = numbers::SIGBUS as i32;
const SIGSEGV: i32 = numbers::SIGSEGV as i32;
const MAP_GROWSDOWN: u32 = numbers::MAP_GROWSDOWN as u32;
const PROT_NONE: u32 = 0;
/// `si_code` when a mapping does not permit the access.
const SEGV_ACCERR: i32 = numbers::SEGV_ACCERR as i32;
/// Offset of `si_code` in `siginfo_t`.
const CODE_OFFSET: usize = 8;
/// Offset of `si_addr` in `siginfo_t`.
const ADDRESS_OFFSET: usize = 16;
/// Space the kernel leaves below a growing mapping (`stack_guard_gap`).
const GUARD_GAP: u64 = 256 * PAGE;
/// The farthest a stack grows at once: more than any limit in use.
const FARTHEST: u64 = 1 << 36;

/// The fault the log has next.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    ip: u64,
    address: u64,
    signal: i32,
    /// The page was accessible here and has been closed.
    is_closed: bool,
}

/// When the next event is a memory fault, make sure that its page faults here too: the kernel
/// said so, and between two events of a program nothing but a fault can find that out. A fault at which only
/// some accesses are not permitted comes by itself; others of the page before it do not fault.
pub fn arm(machine: &mut Machine, group: &Group<'_>) -> Option<Expected> {
    let header = &group.event.header;
    let signal = i32::from(header.code);
    if group.event.kind != EventKind::Fault || !matches!(signal, SIGBUS | SIGSEGV) {
        return None;
    }
    let info = group.find(Tag::SignalInfo)?;
    let word = info.payload.get(ADDRESS_OFFSET..ADDRESS_OFFSET + 8)?;
    let address = u64::from_le_bytes(word.try_into().ok()?);
    let code = info.payload.get(CODE_OFFSET..CODE_OFFSET + 4)?;
    let code = i32::from_le_bytes(code.try_into().ok()?);
    let comes_by_itself = signal == SIGSEGV && code == SEGV_ACCERR;
    let is_closed =
        address != 0 && !comes_by_itself && machine.memory.close_page(page_down(address));
    machine.closed_page = is_closed.then(|| page_down(address));
    Some(Expected {
        ip: header.ip,
        address,
        signal,
        is_closed,
    })
}

/// Open the page again, and give the fault on it the signal it had.
pub fn disarm(machine: &mut Machine, expected: Option<Expected>, stop: Stop) -> Stop {
    let Some(expected) = expected else {
        return stop;
    };
    if !expected.is_closed {
        return stop;
    }
    machine.memory.open_page(page_down(expected.address));
    machine.closed_page = None;
    match stop {
        Stop::Fault(fault) if page_down(fault.address) == page_down(expected.address) => {
            Stop::Fault(Fault {
                signal: expected.signal,
                ..fault
            })
        }
        other => other,
    }
}

/// If the fault is one that the kernel answers by growing a stack, grow it: the instruction is
/// then to be run again. Never for the fault the log has next.
pub fn grow(
    machine: &mut Machine,
    expected: Option<Expected>,
    fault: &Fault,
) -> Result<bool, ReplayError> {
    let page = page_down(fault.address);
    let is_expected = expected.is_some_and(|expected| {
        expected.ip == machine.registers().rip && page_down(expected.address) == page
    });
    if fault.signal != SIGSEGV || is_expected || machine.memory.table.find(page).is_some() {
        return Ok(false);
    }
    let above = machine
        .memory
        .table
        .overlapping(page, page.saturating_add(FARTHEST))
        .next()
        .map(|(start, mapping)| (start, *mapping));
    let Some((start, mapping)) = above else {
        return Ok(false);
    };
    // As the kernel looks (mm/vma.c, expand_downwards): at the nearest mapping below, unless that one grows too, as
    // the lower part of the same stack does, or cannot be accessed.
    let gap = page.saturating_sub(GUARD_GAP);
    let below = machine.memory.table.overlapping(gap, page).last();
    let is_crowded = below.is_some_and(|(_, below)| {
        below.flags & MAP_GROWSDOWN == 0 && below.protection != PROT_NONE
    });
    if mapping.flags & MAP_GROWSDOWN == 0 || mapping.file != FileId::NONE || is_crowded {
        return Ok(false);
    }
    let record = MapRecord {
        length: start - page,
        protection: mapping.protection,
        flags: mapping.flags,
        file: FileId::NONE.0,
        ..MapRecord::default()
    };
    let Machine {
        memory, translator, ..
    } = machine;
    memory.map(translator, page, &record)?;
    Ok(true)
}
