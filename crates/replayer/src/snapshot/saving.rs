//! The replayed process becomes records.

use alloc::vec::Vec;

use reenact_trace::snapshot::{mapping, role, running, NOT_COUNTED};
use reenact_trace::vectors::X87_POINTERS;
use reenact_trace::{EventHeader, EventKind, FileId, MapRecord, Registers, Tag};

use super::records::Records;
use crate::machine::Machine;
use crate::mappings::Mapping;
use crate::system::Errno;
use crate::threads::ThreadState;

/// The event that the state is behind.
#[derive(Clone, Copy, Debug)]
pub struct Behind {
    pub index: u64,
    pub kind: EventKind,
    pub code: u16,
    pub result: i64,
    pub time: u64,
}

/// Why there can be no snapshot of the process; `None`: there can.
pub fn obstacle(machine: &Machine) -> Option<&'static str> {
    let is_shared = |mapping: &Mapping| {
        mapping.object != 0 || mapping.is_shared() && mapping.file == FileId::NONE
    };
    if !machine.has_image {
        Some("no program runs yet")
    } else if machine.memory.table.iter().any(|(_, each)| is_shared(each)) {
        Some("it has mapped memory that it shares")
    } else {
        None
    }
}

/// Append a snapshot to a file. Checksum of the state, and bytes written.
///
/// # Arguments
/// * `counted` - whether all instructions so far were counted.
pub fn save(
    machine: &mut Machine,
    file: i32,
    process: u32,
    behind: &Behind,
    counted: bool,
) -> Result<(u64, u64), Errno> {
    write(machine, Some(file), process, behind, counted)
}

/// The checksum that a snapshot would have.
pub fn state(machine: &mut Machine, process: u32, behind: &Behind) -> Result<u64, Errno> {
    write(machine, None, process, behind, false).map(|(checksum, _)| checksum)
}

fn write(
    machine: &mut Machine,
    file: Option<i32>,
    process: u32,
    behind: &Behind,
    counted: bool,
) -> Result<(u64, u64), Errno> {
    let mut records = Records::new(file, process, behind.index);
    let mappings = machine.memory.whole_mappings();
    for (start, each) in &mappings {
        add_mapping(&mut records, *start, each)?;
    }
    for (start, each) in &mappings {
        machine
            .memory
            .own_content(*start, each, &mut |address, content| {
                records.add(Tag::Write, address, content)
            })?;
    }
    for (address, payload) in machine.memory.patches_in_place() {
        records.add(Tag::Patch, address, &payload)?;
    }
    for (start, length) in machine.memory.translated_code() {
        records.note(Tag::Translated, 0, start, &length.to_le_bytes())?;
    }
    for &address in machine.hooks() {
        records.add(Tag::Detour, address, &[])?;
    }
    if let Some(payload) = machine.processor.names_payload() {
        records.add(Tag::Processor, 0, &payload)?;
    }
    let is_in_call = matches!(behind.kind, EventKind::Blocked | EventKind::Exit);
    add_threads(&mut records, machine, is_in_call)?;
    for (descriptor, tid) in machine.names.files() {
        let tid = u64::from(tid).to_le_bytes();
        records.add(Tag::ThreadFile, descriptor as u64, &tid)?;
    }
    let threads = &machine.threads;
    let mut flags = 0;
    for (is_so, flag) in [
        (threads.current.is_none(), running::NOBODY),
        (threads.ended, running::ENDED),
        (machine.is_stepped(), running::STEPPED),
    ] {
        if is_so {
            flags |= flag;
        }
    }
    let header = EventHeader {
        flags,
        code: behind.code,
        tid: threads.current.unwrap_or(0),
        time: behind.time,
        result: behind.result,
        ip: machine.registers().rip,
        args: [
            behind.kind as u64,
            0,
            machine.program_break.unwrap_or(0),
            machine.memory.shared_without_file(),
            machine.names.main().into(),
            0,
        ],
        ..EventHeader::default()
    };
    // Whether they were counted is this replay's business.
    let instructions = if counted {
        machine.total_instructions()
    } else {
        NOT_COUNTED
    };
    records.finish(header, instructions)
}

fn add_mapping(records: &mut Records, start: u64, each: &Mapping) -> Result<(), Errno> {
    let record = MapRecord {
        length: each.end - start,
        protection: each.protection,
        flags: each.flags,
        file: each.file.0,
        object: each.object,
        offset: each.offset,
        file_size: each.file_size,
    };
    let mut flags = 0;
    if each.at_fork.is_left_out {
        flags |= mapping::LEFT_OUT;
    }
    if each.at_fork.is_wiped {
        flags |= mapping::WIPED;
    }
    records.add_flagged(Tag::Map, flags, start, record.as_bytes())
}

/// # Arguments
/// * `is_in_call` - whether the running thread waits in a system call.
fn add_threads(
    records: &mut Records,
    machine: &mut Machine,
    is_in_call: bool,
) -> Result<(), Errno> {
    let own = machine.state_of_running();
    let current = machine.threads.current.unwrap_or(0);
    let mut all: Vec<(u32, u16, ThreadState)> = Vec::from([(current, role::RUNNING, own)]);
    let threads = &machine.threads;
    for parent in &threads.vfork_parents {
        all.push((parent.tid, role::VFORK_PARENT, parent.state.clone()));
    }
    for (&tid, state) in &threads.waiting {
        all.push((tid, 0, state.clone()));
    }
    for (tid, mut role, state) in all {
        if machine.threads.companions.contains(&tid) {
            role |= role::COMPANION;
        }
        let mut payload = Vec::from(state.registers.as_bytes());
        payload.extend_from_slice(&machine.names.of(tid));
        records.note(Tag::Thread, role, tid.into(), &payload)?;
        if role & role::RUNNING == 0 || is_in_call {
            // In a call, which the log ends: the `syscall` instruction has lost these, or has yet to.
            let lost = Registers {
                rcx: 0,
                r11: 0,
                ..state.registers
            };
            payload[..Registers::SIZE].copy_from_slice(lost.as_bytes());
        }
        records.check(Tag::Thread, tid.into(), &payload);
        for (component, content) in state.vectors.components() {
            records.add(Tag::Vectors, component, &content)?;
        }
        // A snapshot that the recorder takes does not know them.
        if let Some(pointers) = state.vectors.x87_pointers() {
            records.note(Tag::Vectors, 0, X87_POINTERS, &pointers)?;
        }
    }
    Ok(())
}
