//! Effects of events on the machine: what is attached to them.

use alloc::vec;
use alloc::vec::Vec;

use reenact_trace::checksum::checksum;
use reenact_trace::event::flags;
use reenact_trace::{EventHeader, EventKind, MapRecord, Registers, Tag};
use reenact_translator::{Touched, Watch};

use crate::call_effects;
use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;

/// Largest range one memory checksum covers.
const MOST_CHECKED: u64 = 4 << 30;

/// Apply memory attachments in order.
pub fn apply_attachments(machine: &mut Machine, group: &Group<'_>) -> Result<(), ReplayError> {
    let Machine {
        memory,
        translator,
        processor,
        ..
    } = machine;
    let header = &group.event.header;
    let has_failed = group.event.kind == EventKind::Syscall && header.result < 0;
    for attachment in group.attachments() {
        let address = attachment.address;
        match attachment.tag {
            Tag::Write if memory.is_only_shown(address, attachment.payload, has_failed) => {}
            Tag::Write => memory.write(translator, address, attachment.payload)?,
            Tag::Zero => {
                let length = attachment
                    .value()
                    .ok_or(ReplayError::BadEvent("a Zero without length"))?;
                if !memory.are_zeros_shown(address, length, has_failed) {
                    memory.zero(translator, address, length)?;
                }
            }
            Tag::Unmap => {
                let length = attachment
                    .value()
                    .ok_or(ReplayError::BadEvent("an Unmap without length"))?;
                memory.unmap(translator, address, length)?;
            }
            Tag::Map => {
                let record = MapRecord::from_bytes(attachment.payload)
                    .ok_or(ReplayError::BadEvent("a Map without record"))?;
                memory.map(translator, address, &record)?;
            }
            Tag::ObjectWrite => {
                let (object, bytes) = attachment
                    .object_bytes()
                    .ok_or(ReplayError::BadEvent("an ObjectWrite without object"))?;
                memory.write_object(translator, object, address, bytes)?;
            }
            Tag::ObjectZero => {
                let (object, length) = attachment
                    .object_zeros()
                    .ok_or(ReplayError::BadEvent("an ObjectZero without length"))?;
                memory.zero_object(translator, object, address, length)?;
            }
            Tag::Discard => {
                let length = attachment
                    .value()
                    .ok_or(ReplayError::BadEvent("a Discard without length"))?;
                memory.discard(translator, address, length)?;
            }
            Tag::Patch => memory.patch(translator, address, attachment.payload)?,
            Tag::Breakpoints => memory.set_breakpoints(translator, attachment.payload)?,
            Tag::Suspects => memory.translate_suspects(attachment.payload),
            Tag::Processor => processor.set_names(attachment.payload),
            _ => {}
        }
    }
    Ok(())
}

/// Every watch of what an event is about to write.
pub fn watched_writes(machine: &Machine, group: &Group<'_>) -> Vec<Touched> {
    let is_performed = group.event.header.flags & flags::FILTERED == 0;
    let changed = if group.event.kind == EventKind::Syscall && is_performed {
        call_effects::changed_range(group)
    } else {
        None
    };
    let written = group.attachments().filter_map(|attachment| {
        let length = match attachment.tag {
            Tag::Write => attachment.payload.len() as u64,
            Tag::Zero | Tag::Discard => attachment.value()?,
            Tag::Map => MapRecord::from_bytes(attachment.payload)?.length,
            _ => return None,
        };
        Some((attachment.address, length))
    });
    let shown = group
        .attachments()
        .filter_map(|attachment| {
            let (object, length) = match attachment.tag {
                Tag::ObjectWrite => {
                    let (object, bytes) = attachment.object_bytes()?;
                    (object, bytes.len() as u64)
                }
                Tag::ObjectZero => attachment.object_zeros()?,
                _ => return None,
            };
            let end = attachment.address.saturating_add(length);
            Some(machine.memory.shown_at(object, attachment.address, end))
        })
        .flatten();
    let ranges: Vec<(u64, u64)> = changed.into_iter().chain(written).chain(shown).collect();
    let watches = machine.translator.watches().iter().enumerate();
    watches
        .filter(|(_, watch)| watch.access & Watch::WRITE != 0)
        .filter_map(|(number, watch)| {
            let mut ranges = ranges.iter();
            let address = ranges
                .find_map(|&(start, length)| watch.touched(start, start.saturating_add(length)))?;
            Some(Touched {
                number,
                address,
                access: Watch::WRITE,
            })
        })
        .collect()
}

/// The registers an event brings.
pub fn attached_registers(group: &Group<'_>) -> Result<Registers, ReplayError> {
    group
        .attachments()
        .find(|attachment| attachment.tag == Tag::Registers && attachment.address == 0)
        .and_then(|attachment| Registers::from_bytes(attachment.payload))
        .ok_or(ReplayError::BadEvent("it has no registers"))
}

/// The first memory checksum that does not hold: address and length.
pub fn failed_checksum(
    machine: &Machine,
    group: &Group<'_>,
) -> Result<Option<(u64, u64)>, ReplayError> {
    for attachment in group.attachments() {
        if attachment.tag != Tag::MemoryChecksum {
            continue;
        }
        let bad = ReplayError::BadEvent("a damaged memory checksum");
        let length = attachment
            .value()
            .filter(|&length| length <= MOST_CHECKED)
            .ok_or(bad)?;
        let expected = attachment
            .payload
            .get(8..16)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes)
            .ok_or(bad)?;
        if !machine.memory.table.covers(
            attachment.address,
            attachment.address.saturating_add(length),
        ) {
            return Ok(Some((attachment.address, length)));
        }
        let mut content = vec![0u8; length as usize];
        machine.memory.read(attachment.address, &mut content)?;
        if checksum(&content) != expected {
            return Ok(Some((attachment.address, length)));
        }
    }
    Ok(None)
}

/// What `syscall` loses, as it is executed. (Code that runs natively has it lost by the kernel's trap already.)
pub fn enter_call(registers: &mut Registers) {
    const LENGTH: u64 = 2;
    registers.rcx = registers.rip.wrapping_add(LENGTH);
    registers.r11 = registers.rflags;
}

/// Registers behind the instruction of a call that returned `result`.
pub fn after_call(registers: &mut Registers, header: &EventHeader, result: i64) {
    registers.rax = result as u64;
    registers.rip = header.ip;
    // `syscall` loses them; `int` saves all.
    if header.flags & flags::INT80 == 0 {
        registers.rcx = header.ip;
        registers.r11 = registers.rflags;
    }
}
