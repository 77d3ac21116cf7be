//! What a system call does to the program's memory and segment bases, as its row says. Attachments of
//! its event come after it.

use reenact_freestanding::numbers as n;
use reenact_syscalls::{advice_effect, lookup, AdviceEffect, Class, MemoryAction, SpecialAction};
use reenact_trace::event::flags;
use reenact_trace::{EventHeader, FileId, MapRecord, Tag};

use crate::error::ReplayError;
use crate::feed::Group;
use crate::machine::Machine;
use crate::memory::page_up;

const ARCH_SET_GS: u64 = 0x1001;
/// `UIO_MAXIOV`: the kernel takes no more buffers.
const MOST_BUFFERS: u64 = 1024;

/// Let the call of an event happen.
pub fn apply(machine: &mut Machine, group: &Group<'_>) -> Result<(), ReplayError> {
    let header = &group.event.header;
    let Some(call) = lookup(u64::from(header.code)) else {
        return Ok(());
    };
    match call.class {
        Class::Memory(action) => change_memory(machine, group, action),
        Class::Special(SpecialAction::ProcessorState) => {
            if header.result >= 0 {
                set_segment_base(machine, header);
            }
            Ok(())
        }
        // Nothing but the result and what is attached; processes and threads: see `creation`.
        Class::Plain
        | Class::Process(_)
        | Class::Signal(_)
        | Class::Special(_)
        | Class::Declined(..)
        | Class::Refused(..) => Ok(()),
    }
}

/// Memory whose content a call changes without that being attached: address and length.
pub fn changed_range(group: &Group<'_>) -> Option<(u64, u64)> {
    let header = &group.event.header;
    let [first, second, third, ..] = header.args;
    match lookup(u64::from(header.code))?.class {
        Class::Memory(MemoryAction::Map) if header.result >= 0 => {
            Some((header.result as u64, second))
        }
        Class::Memory(action @ MemoryAction::Advise)
            if advice_effect(third) == AdviceEffect::Discard =>
        {
            Some((first, length_done(group, action)?))
        }
        _ => None,
    }
}

/// How much of the range of its first two arguments a call has dealt with; `None`: nothing.
fn length_done(group: &Group<'_>, action: MemoryAction) -> Option<u64> {
    let header = &group.event.header;
    let [address, length, ..] = header.args;
    // Holes in the range make advice fail when it has been taken for the rest.
    let is_advised = action == MemoryAction::Advise && header.result == -n::ENOMEM;
    if header.result >= 0 || is_advised {
        return Some(length);
    }
    let done = group.find(Tag::Done)?;
    (done.address == address).then(|| done.value()).flatten()
}

/// Permissions that the program has without having asked for them.
fn implied(header: &EventHeader) -> u64 {
    if header.flags & flags::READ_EXECUTES != 0 {
        n::PROT_EXEC
    } else {
        0
    }
}

fn set_segment_base(machine: &mut Machine, header: &EventHeader) {
    let [option, base, ..] = header.args;
    match option {
        n::ARCH_SET_FS => machine.set_fs_base(base),
        ARCH_SET_GS => machine.registers_mut().gs_base = base,
        _ => {}
    }
}

fn change_memory(
    machine: &mut Machine,
    group: &Group<'_>,
    action: MemoryAction,
) -> Result<(), ReplayError> {
    let header = &group.event.header;
    if action == MemoryAction::Break {
        return move_break(machine, group);
    }
    let [first, _, third, fourth, ..] = header.args;
    let Some(second) = length_done(group, action) else {
        return Ok(());
    };
    let third = match action {
        MemoryAction::Protect => third | implied(header),
        _ => third,
    };
    let Machine {
        memory, translator, ..
    } = machine;
    match action {
        MemoryAction::Map => map(machine, group),
        MemoryAction::Unmap => memory.unmap(translator, first, second),
        MemoryAction::Protect => {
            let end = first.saturating_add(page_up(second));
            let start = if third & n::PROT_GROWSDOWN == 0 {
                first
            } else {
                memory.table.find(first).map_or(first, |(start, _)| start)
            };
            memory.protect(translator, start, end.saturating_sub(start), third as u32)
        }
        MemoryAction::Remap => {
            let keep_old = fourth & n::MREMAP_DONTUNMAP != 0;
            memory.remap(
                translator,
                first,
                second,
                header.result as u64,
                third,
                keep_old,
            )
        }
        MemoryAction::Advise => advise(machine, first, second, third),
        MemoryAction::AdviseVector => advise_buffers(machine, header),
        // What they map and unmap is attached.
        MemoryAction::AttachSegment | MemoryAction::DetachSegment => Ok(()),
        MemoryAction::Break | MemoryAction::Look(_) => Ok(()),
    }
}

/// `mmap`: of a file it is attached what to map.
fn map(machine: &mut Machine, group: &Group<'_>) -> Result<(), ReplayError> {
    if group.find(Tag::Map).is_some() {
        return Ok(());
    }
    let header = &group.event.header;
    let [_, length, protection, flags, ..] = header.args;
    if flags & n::MAP_ANONYMOUS == 0 {
        return Err(ReplayError::BadEvent("a file was mapped, but not which"));
    }
    let record = MapRecord {
        length,
        protection: protection as u32,
        flags: flags as u32,
        file: FileId::NONE.0,
        ..MapRecord::default()
    };
    let Machine {
        memory, translator, ..
    } = machine;
    memory.map(translator, header.result as u64, &record)
}

fn advise(
    machine: &mut Machine,
    address: u64,
    length: u64,
    advice: u64,
) -> Result<(), ReplayError> {
    let Machine {
        memory, translator, ..
    } = machine;
    match advice_effect(advice) {
        AdviceEffect::Discard | AdviceEffect::DiscardBy(_) => {
            memory.discard(translator, address, length)
        }
        AdviceEffect::LeftOutAtFork(is_left_out) => {
            memory.advise_fork(address, length, |at_fork| at_fork.is_left_out = is_left_out);
            Ok(())
        }
        AdviceEffect::WipedAtFork(is_wiped) => {
            memory.advise_fork(address, length, |at_fork| at_fork.is_wiped = is_wiped);
            Ok(())
        }
        // A hole is attached as zeros.
        AdviceEffect::None | AdviceEffect::PunchHole => Ok(()),
    }
}

/// `process_madvise`: the result tells how many bytes of the buffers were advised. Advice with an effect
/// is taken from a process about itself alone.
fn advise_buffers(machine: &mut Machine, header: &EventHeader) -> Result<(), ReplayError> {
    let [_, buffers, count, advice, ..] = header.args;
    if advice_effect(advice) == AdviceEffect::None {
        return Ok(());
    }
    let mut left = header.result as u64;
    for index in 0..count.min(MOST_BUFFERS) {
        let at = buffers.wrapping_add(index * 16);
        let start = machine.memory.read_u64(at)?;
        let length = machine.memory.read_u64(at.wrapping_add(8))?.min(left);
        if length > 0 {
            advise(machine, start, length, advice)?;
        }
        left -= length;
    }
    Ok(())
}

/// `brk`: anonymous memory grows or shrinks between the old and the new break.
fn move_break(machine: &mut Machine, group: &Group<'_>) -> Result<(), ReplayError> {
    let new = group.event.header.result as u64;
    let old = machine.program_break.replace(new).unwrap_or(new);
    let (old_page, new_page) = (page_up(old), page_up(new));
    let Machine {
        memory, translator, ..
    } = machine;
    if new_page > old_page && group.find(Tag::Map).is_none() {
        let record = MapRecord {
            length: new_page - old_page,
            protection: (n::PROT_READ | n::PROT_WRITE | implied(group.event.header)) as u32,
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
