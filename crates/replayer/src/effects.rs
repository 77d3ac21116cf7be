//! Effects of events on the machine: attachments, and the few system calls that change the
//! replayer's own view of memory and threads.

use alloc::vec;

use reenact_freestanding::numbers as n;
use reenact_trace::checksum::checksum;
use reenact_trace::{EventHeader, EventKind, FileId, MapRecord, Registers, Tag};
use reenact_translator::Watch;

use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;
use crate::memory::page_up;

const PKEY_MPROTECT: u64 = 329;
const MADV_DONTNEED: u64 = 4;
const MADV_FREE: u64 = 8;
const MADV_DONTNEED_LOCKED: u64 = 24;
const MREMAP_DONTUNMAP: u64 = 4;
const PROT_GROWSDOWN: u64 = 0x0100_0000;
const ARCH_SET_GS: u64 = 0x1001;
const ARCH_SET_FS: u64 = 0x1002;

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
    for attachment in group.attachments() {
        let address = attachment.address;
        match attachment.tag {
            Tag::Write => memory.write(translator, address, attachment.payload)?,
            Tag::Zero => {
                let length = attachment
                    .value()
                    .ok_or(ReplayError::BadEvent("a Zero without length"))?;
                memory.zero(translator, address, length)?;
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
            Tag::Patch => memory.patch(translator, address, attachment.payload)?,
            Tag::Breakpoints => memory.set_breakpoints(translator, attachment.payload)?,
            Tag::Processor => processor.set_names(attachment.payload),
            _ => {}
        }
    }
    Ok(())
}

/// The first watched byte that an event is about to write.
pub fn first_watched_write(machine: &Machine, group: &Group<'_>) -> Option<u64> {
    let header = &group.event.header;
    let [first, second, third, ..] = header.args;
    let mapped = match u64::from(header.code) {
        _ if group.event.kind != EventKind::Syscall || header.result < 0 => None,
        n::MMAP => Some((header.result as u64, second)),
        n::MADVISE if matches!(third, MADV_DONTNEED | MADV_DONTNEED_LOCKED) => {
            Some((first, second))
        }
        _ => None,
    };
    let written = group.attachments().filter_map(|attachment| {
        let length = match attachment.tag {
            Tag::Write => attachment.payload.len() as u64,
            Tag::Zero => attachment.value()?,
            Tag::Map => MapRecord::from_bytes(attachment.payload)?.length,
            _ => return None,
        };
        Some((attachment.address, length))
    });
    let watches = machine.translator.watches();
    mapped
        .into_iter()
        .chain(written)
        .find_map(|(start, length)| {
            watches
                .iter()
                .filter(|watch| watch.access & Watch::WRITE != 0)
                .find_map(|watch| watch.touched(start, start.saturating_add(length)))
        })
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

/// The memory side of a system call that succeeded; attachments come after it.
pub fn apply_syscall(machine: &mut Machine, group: &Group<'_>) -> Result<(), ReplayError> {
    let header = &group.event.header;
    let number = u64::from(header.code);
    if number == n::BRK {
        return move_break(machine, group, header);
    }
    // Holes in the range make the advice fail when it has been taken for the rest.
    let is_advised = number == n::MADVISE && header.result == -n::ENOMEM;
    if header.result < 0 && !is_advised {
        return Ok(());
    }
    let [first, second, third, fourth, ..] = header.args;
    let has_map = group.find(Tag::Map).is_some();
    let Machine {
        memory, translator, ..
    } = machine;
    match number {
        n::MMAP if !has_map => {
            if fourth & n::MAP_ANONYMOUS == 0 {
                return Err(ReplayError::BadEvent("a file was mapped, but not which"));
            }
            let record = MapRecord {
                length: second,
                protection: third as u32,
                flags: fourth as u32,
                file: FileId::NONE.0,
                ..MapRecord::default()
            };
            memory.map(translator, header.result as u64, &record)
        }
        n::MUNMAP => memory.unmap(translator, first, second),
        n::MPROTECT | PKEY_MPROTECT => {
            let end = first.saturating_add(page_up(second));
            let start = if third & PROT_GROWSDOWN == 0 {
                first
            } else {
                memory.table.find(first).map_or(first, |(start, _)| start)
            };
            memory.protect(translator, start, end.saturating_sub(start), third as u32)
        }
        n::MREMAP => {
            let keep_old = fourth & MREMAP_DONTUNMAP != 0;
            memory.remap(
                translator,
                first,
                second,
                header.result as u64,
                third,
                keep_old,
            )
        }
        n::MADVISE if memory.advise_fork(first, second, third) => Ok(()),
        n::MADVISE if matches!(third, MADV_DONTNEED | MADV_FREE | MADV_DONTNEED_LOCKED) => {
            memory.discard(translator, first, second)
        }
        n::ARCH_PRCTL => {
            match first {
                ARCH_SET_FS => machine.set_fs_base(second),
                ARCH_SET_GS => machine.registers_mut().gs_base = second,
                _ => {}
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `brk`: anonymous memory grows or shrinks between the old and the new break.
fn move_break(
    machine: &mut Machine,
    group: &Group<'_>,
    header: &EventHeader,
) -> Result<(), ReplayError> {
    let new = header.result as u64;
    let old = machine.program_break.replace(new).unwrap_or(new);
    let (old_page, new_page) = (page_up(old), page_up(new));
    let Machine {
        memory, translator, ..
    } = machine;
    if new_page > old_page && group.find(Tag::Map).is_none() {
        let record = MapRecord {
            length: new_page - old_page,
            protection: (n::PROT_READ | n::PROT_WRITE) as u32,
            flags: (n::MAP_PRIVATE | n::MAP_ANONYMOUS) as u32,
            file: FileId::NONE.0,
            ..MapRecord::default()
        };
        memory.map(translator, old_page, &record)
    } else if new_page < old_page {
        memory.unmap(translator, new_page, old_page - new_page)
    } else {
        Ok(())
    }
}

/// Registers after a `syscall` instruction that returned `result`.
pub fn after_syscall(registers: &mut Registers, ip: u64, result: i64) {
    registers.rax = result as u64;
    registers.rcx = ip;
    registers.r11 = registers.rflags;
    registers.rip = ip;
}
