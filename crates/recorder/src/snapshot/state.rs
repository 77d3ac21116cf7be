//! What is in a snapshot, written by the copy of the process.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall3;
use reenact_trace::snapshot::{role, turn_word, NAME_SIZE};
use reenact_trace::{EventHeader, EventKind, Registers, Tag};

use reenact_interpose::{breakpoints, call_sites, vdso};

use super::common;
use super::own_pages::OwnPages;
use super::registers;
use crate::address_space::{self, Area};
use crate::log::Builder;
use crate::process::threads;
use crate::segment_bases::whole;
use crate::thread::Thread;
use crate::{arena, heap, patch, pinning, signal};

const INT3: u8 = 0xcc;
/// Longest patch.
const LONGEST: usize = reenact_interpose::call_site::LONGEST;

/// Write the state of the process whose copy this is, behind an event of this thread. `process`: its pid; `turn`: that it has.
pub fn write(thread: &Thread, behind: &EventHeader, process: u32, turn: Option<(u64, u64)>) {
    let mut event = Builder::new(EventKind::Snapshot, behind.code);
    address_space::for_made(|area| {
        event.flagged(Tag::Map, area.at_fork, area.start, area.record().as_bytes());
    });
    common::write(&mut event, &arena::slot().common_written);
    let pages = OwnPages::open();
    address_space::for_areas(0, u64::MAX, |area| write_memory(&mut event, &pages, area));
    drop(pages);
    write_patches(&mut event);
    for detour in vdso::detours() {
        event.bytes(Tag::Detour, detour.entry, &detour.number.to_le_bytes());
    }
    if let Some(names) = pinning::names() {
        event.bytes(Tag::Processor, 0, names);
    }
    write_thread(
        &mut event,
        thread,
        &whole(thread),
        &thread.name,
        role::RUNNING,
    );
    signal::attach_vectors(&mut event, &thread.frame);
    threads::for_each(|other| {
        if other.index != thread.index && !other.has_ended {
            write_thread(&mut event, other, &waiting(other), &other.name, 0);
            signal::attach_saved_vectors(&mut event, registers::left(other));
        }
    });
    let header = &mut *event.header;
    header.ip = thread.frame.registers.rip;
    header.time = behind.time;
    header.result = behind.result;
    header.args = [
        behind.kind.into(),
        reenact_trace::snapshot::NOT_COUNTED,
        heap::end(),
        0,
        process.into(),
        turn.map_or(0, |(group, number)| turn_word(group, number)),
    ];
    event.commit();
}

/// What the program has written to a mapping.
fn write_memory(event: &mut Builder, pages: &OwnPages, area: &Area) {
    if area.is_shared {
        return;
    }
    if u64::from(area.protection) & PROT_READ == 0 {
        // SAFETY: a copy of the program, which is not to run.
        unsafe { syscall3(MPROTECT, area.start, area.end - area.start, PROT_READ) };
    }
    pages.parts(area.start, area.end, |from, to| {
        event.guest_memory(from, to - from);
    });
}

/// What the recorder has written over the program's code.
fn write_patches(event: &mut Builder) {
    for known in breakpoints::all() {
        if is_there(known.address, &[INT3]) {
            event.bytes(Tag::Patch, known.address, &[INT3, known.original]);
        }
    }
    for patch in call_sites::all() {
        if is_there(patch.address, patch.written()) {
            patch::log(&patch, event);
        }
    }
}

fn is_there(address: u64, bytes: &[u8]) -> bool {
    let mut now = [0u8; LONGEST];
    let now = &mut now[..bytes.len()];
    crate::guest::read(address, now) && now == bytes
}

/// The registers of a thread that lets others run.
fn waiting(thread: &Thread) -> Registers {
    /// Of `syscall`, of the jump that has taken its place, and of `int 0x80`.
    const LENGTH: u64 = 2;
    let [fs_base, gs_base] = thread.bases;
    let mut registers = Registers {
        fs_base,
        gs_base,
        ..thread.frame.registers
    };
    if thread.is_blocked {
        // Its call is not over for the log.
        registers.rip -= LENGTH;
    }
    registers
}

fn write_thread(
    event: &mut Builder,
    thread: &Thread,
    registers: &Registers,
    name: &[u8; NAME_SIZE],
    role: u16,
) {
    let mut payload = [0u8; Registers::SIZE + NAME_SIZE];
    let (place, of_name) = payload.split_at_mut(Registers::SIZE);
    place.copy_from_slice(registers.as_bytes());
    of_name.copy_from_slice(name);
    event.flagged(Tag::Thread, role, thread.tid.into(), &payload);
}
