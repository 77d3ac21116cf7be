//! System calls that change the address space: performed by the kernel, logged with what a
//! replay needs to make the same mapping.

use reenact_freestanding::numbers;
use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4, syscall6};
use reenact_syscalls::{advice_effect, AdviceEffect, MemoryAction};
use reenact_trace::layout::{is_reserved, overlaps_region};
use reenact_trace::{FileId, MapRecord, Tag};

use crate::call::{Call, Outcome};
use crate::guest::page_up;
use crate::log::Builder;
use crate::{
    around_region, code_ranges, files, half_done, heap, hidden_descriptors, log, patch, shared,
    sharing_group, signal, sites, system_v, text, unknown_code,
};

/// Perform a call of class Memory. `None`: an ordinary call after all.
#[inline(never)]
pub fn perform(call: &mut Call<'_>, action: MemoryAction) -> Option<Outcome> {
    let [address, length, third, fourth, ..] = call.args;
    let is_ours = || overlaps_region(address, length);
    match action {
        MemoryAction::Map => Some(mmap(call)),
        MemoryAction::Break => Some(Outcome::Done(heap::set_end(address))),
        MemoryAction::AttachSegment => Some(system_v::attach(call)),
        MemoryAction::DetachSegment => Some(system_v::detach(call)),
        MemoryAction::Unmap if is_ours() => Some(Outcome::Done(unmap_around(call))),
        MemoryAction::Unmap => Some(unmap(call)),
        MemoryAction::Protect if is_ours() => Some(protect_around(call)),
        MemoryAction::Protect => Some(protect(call)),
        MemoryAction::Remap if is_ours() => {
            Some(Outcome::Done(around_region::answer_for_hole(call)))
        }
        MemoryAction::Remap => Some(remap(call)),
        MemoryAction::Advise if is_ours() => Some(advise_around(call, third)),
        MemoryAction::Advise => Some(advise(call, third)),
        MemoryAction::AdviseVector => match advice_effect(fourth) {
            AdviceEffect::DiscardBy(other) => {
                call.substitute = Some((3, other));
                None
            }
            _ => None,
        },
        MemoryAction::Look(hole) if is_ours() => {
            Some(Outcome::Done(around_region::look(call, hole)))
        }
        MemoryAction::Look(_) => None,
    }
}

/// As the program asked for it; the range is not ours.
fn as_asked(call: &Call<'_>) -> i64 {
    let [a, b, c, d, e, f] = call.args;
    // SAFETY: the program asked for it and the range is not ours.
    unsafe { syscall6(call.number, a, b, c, d, e, f) }
}

/// The parts of a call's range around the region, each in its arguments while `make` makes it.
fn for_parts(
    call: &mut Call<'_>,
    parts: [Option<[u64; 2]>; 2],
    mut make: impl FnMut(&mut Call<'_>) -> Outcome,
) -> i64 {
    let args = call.args;
    let mut result = 0;
    for [address, length] in parts.into_iter().flatten() {
        (call.args[0], call.args[1]) = (address, length);
        let Outcome::Done(part) = make(call) else {
            break;
        };
        // Holes are told at the end, as all those that the range has.
        if part < 0 && part != -ENOMEM {
            result = part;
            break;
        }
    }
    call.args = args;
    result
}

fn unmap_around(call: &mut Call<'_>) -> i64 {
    let [address, length, ..] = call.args;
    match around_region::check_unmap(address, length) {
        0 => for_parts(call, around_region::parts(address, length), |call| {
            unmap(call)
        }),
        error => error,
    }
}

fn protect_around(call: &mut Call<'_>) -> Outcome {
    let [address, length, ..] = call.args;
    let [before, _] = around_region::parts(address, length);
    let mut outcome = 0;
    let result = for_parts(call, [before, None], |call| {
        let done = protect(call);
        if let (Outcome::Done(0), [address, length, ..]) = (&done, call.args) {
            call.event.bytes(Tag::Done, address, &length.to_le_bytes());
        } else if let Outcome::Done(error) = &done {
            outcome = *error;
        }
        done
    });
    Outcome::Done(match result.min(outcome) {
        0 => around_region::answer_for_hole(call),
        error => error,
    })
}

fn advise_around(call: &mut Call<'_>, advice: u64) -> Outcome {
    let [address, length, ..] = call.args;
    let parts = around_region::parts(address, length);
    let result = for_parts(call, parts, |call| advise(call, advice));
    Outcome::Done(match result {
        0 => around_region::answer_for_hole(call),
        error => error,
    })
}

fn unmap(call: &Call<'_>) -> Outcome {
    let [address, length, ..] = call.args;
    let result = as_asked(call);
    if result >= 0 {
        shared::forget(address, length);
        patch::forget(address, length);
    }
    Outcome::Done(result)
}

fn protect(call: &mut Call<'_>) -> Outcome {
    let [address, length, protection, ..] = call.args;
    let result = as_asked(call);
    let length = match result {
        0.. => length,
        // Up to the first hole, or to the first mapping that may not be changed so.
        _ if result == -ENOMEM => half_done::log_part(&mut call.event, address, length, |part| {
            half_done::is_mapped(address, part)
        }),
        _ if result == -EACCES => half_done::log_part(&mut call.event, address, length, |part| {
            let [_, _, _, fourth, fifth, sixth] = call.args;
            // SAFETY: a part of what the program has asked for.
            let again =
                unsafe { syscall6(call.number, address, part, protection, fourth, fifth, sixth) };
            again == 0
        }),
        _ => 0,
    };
    if length > 0 {
        signal::dirty::join_neighbours(address, length);
        if protection & PROT_WRITE != 0 {
            code_ranges::remove(address, length);
        }
        if protection & PROT_EXEC != 0 {
            unknown_code::is_made(call.thread, &mut call.event);
        }
    }
    Outcome::Done(result)
}

fn remap(call: &mut Call<'_>) -> Outcome {
    let [address, length, new_length, flags, new_at, _] = call.args;
    if flags & MREMAP_FIXED != 0 && overlaps_region(new_at, new_length) {
        return Outcome::Done(-ENOMEM);
    }
    // It takes one mapping only, and neighbours are one if they are alike.
    signal::dirty::release(address, length);
    let mut result = as_asked(call);
    if result > 0 && overlaps_region(result as u64, new_length) {
        // The kernel has found no other place for it: now there is none here, either.
        around_region::occupy();
        let (at, how) = (result as u64, MREMAP_MAYMOVE);
        // SAFETY: what has just been moved to where only we are.
        result = unsafe { syscall6(MREMAP, at, new_length, new_length, how, 0, 0) };
    }
    if result >= 0 {
        code_ranges::remove(address, length);
        shared::follow(address, length, result as u64, new_length);
    } else if flags & MREMAP_FIXED != 0 && new_at.is_multiple_of(PAGE) {
        half_done::log_lost(&mut call.event, new_at, new_length);
    }
    Outcome::Done(result)
}

fn advise(call: &mut Call<'_>, advice: u64) -> Outcome {
    let [address, length, ..] = call.args;
    let effect = advice_effect(advice);
    let advice = match effect {
        AdviceEffect::DiscardBy(other) => other,
        _ => advice,
    };
    // SAFETY: the program asked for it and the range is not ours.
    let advise = |length| unsafe { syscall3(MADVISE, address, length, advice) };
    let result = advise(length);
    let is_taken = |result| result == 0 || result == -ENOMEM;
    let length = if is_taken(result) {
        // Holes in the range make it fail when the rest has been advised.
        length
    } else if effect == AdviceEffect::None {
        0
    } else {
        half_done::log_part(&mut call.event, address, length, |part| {
            is_taken(advise(part))
        })
    };
    if result != -ENOMEM && effect == AdviceEffect::PunchHole && length != 0 {
        let bytes = page_up(length).to_le_bytes();
        call.event.bytes(Tag::Zero, address, &bytes);
    }
    Outcome::Done(result)
}

/// Whether shared mappings of the file behind a descriptor show what others write to it: also to who may
/// only read, where somebody has it mapped to write, or will, as a memory file is made for.
fn is_object(fd: i32, status: &files::Status) -> bool {
    status.is_regular && (files::is_writable(fd) || status.links == 0 || shared::is_object(status))
}

/// A fixed mapping that reaches over the region.
fn reserve(call: &mut Call<'_>) -> i64 {
    let [address, length, protection, flags, ..] = call.args;
    let result = around_region::reserve(&call.args);
    if result >= 0 {
        let length = page_up(length);
        patch::forget(address, length);
        shared::forget(address, length);
        for [at, part] in around_region::parts(address, length).into_iter().flatten() {
            signal::dirty::join_neighbours(at, part);
            record_mapping(&mut call.event, at, part, protection, flags, -1, 0);
        }
    }
    result
}

fn mmap(call: &mut Call<'_>) -> Outcome {
    let [address, length, protection, flags, fd, offset] = call.args;
    let fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0;
    if fixed && overlaps_region(address, length) {
        return Outcome::Done(reserve(call));
    }
    let anonymous = flags & MAP_ANONYMOUS != 0;
    if !anonymous && hidden_descriptors::is_hidden(fd) {
        return Outcome::Done(-EBADF);
    }
    let hint = if !fixed && is_reserved(address) {
        0
    } else {
        address
    };
    let shows_others =
        || files::status(fd as i32).is_some_and(|status| is_object(fd as i32, &status));
    if flags & MAP_SHARED != 0 && !anonymous && shows_others() {
        // Another process can have the file mapped, or will.
        sharing_group::join(call);
    }
    // SAFETY: the program asked for it and the range is not ours.
    let make = || unsafe { syscall6(MMAP, hint, length, protection, flags, fd, offset) };
    let result = around_region::placed(length, make, |at| {
        // SAFETY: we have just made it.
        unsafe { syscall2(MUNMAP, at, length) };
    });
    if result < 0 {
        if flags & MAP_FIXED != 0 && address.is_multiple_of(PAGE) {
            half_done::log_lost(&mut call.event, address, length);
        }
        return Outcome::Done(result);
    }
    let at = result as u64;
    signal::dirty::join_neighbours(at, length);
    if fixed {
        patch::forget(at, length);
        shared::forget(at, length);
    }
    // What is written to such memory later is code nobody has looked at.
    let can_change = anonymous || protection & PROT_WRITE != 0 || flags & MAP_SHARED != 0;
    if protection & PROT_EXEC != 0 && can_change {
        unknown_code::is_made(call.thread, &mut call.event);
    }
    record_mapping(
        &mut call.event,
        at,
        length,
        protection,
        flags,
        fd as i32,
        offset,
    );
    Outcome::Done(result)
}

/// Log a mapping that has just been made, keep its file, and prepare its code.
pub fn record_mapping(
    event: &mut Builder,
    at: u64,
    length: u64,
    protection: u64,
    flags: u64,
    fd: i32,
    offset: u64,
) {
    if !log::recording() {
        // Nobody keeps the file or looks for instructions in it.
        return;
    }
    let mut map = MapRecord {
        length,
        protection: protection as u32,
        flags: flags as u32,
        file: FileId::NONE.0,
        offset,
        ..MapRecord::default()
    };
    let is_shared = flags & MAP_SHARED != 0;
    if flags & MAP_ANONYMOUS != 0 {
        if is_shared {
            shared::remember_anonymous(at, length);
        }
        event.map(at, &map);
        return;
    }
    let Some(status) = files::status(fd) else {
        event.map(at, &map);
        return;
    };
    map.file_size = status.size;
    let is_object = is_shared && is_object(fd, &status);
    let stored = if status.is_regular && !is_object {
        let usage = files::Use {
            is_executable: protection & PROT_EXEC != 0,
            is_shared,
        };
        files::store(fd, &status, usage)
    } else {
        None
    };
    match stored {
        Some(id) => {
            map.file = id.0;
            event.map(at, &map);
            if protection & PROT_EXEC != 0 {
                sites::apply(event, id, at, length, offset, protection);
                if protection & PROT_WRITE == 0 {
                    code_ranges::add(at, length, id, offset);
                }
            }
        }
        None => {
            // Shared and writable, a device, or not storable: the bytes go into the log.
            if is_object {
                map.object = shared::object_of(&status);
            }
            event.map(at, &map);
            let visible = if status.is_regular {
                status.size.saturating_sub(offset).min(length)
            } else {
                length
            };
            if protection & PROT_READ != 0 {
                if status.is_regular {
                    attach_data(event, fd, offset, at, visible);
                } else {
                    event.guest_memory(at, visible);
                }
            }
            if is_object {
                shared::remember(at, length, &status, offset);
            } else if is_shared && status.is_zero {
                shared::remember_anonymous(at, length);
            }
        }
    }
}

/// Attach what a mapping made just now shows of its file, but for holes: to read them would fill
/// memory with zeros, and a file of memory may be much larger than memory is.
fn attach_data(event: &mut Builder, fd: i32, offset: u64, at: u64, length: u64) {
    let link = text!("/proc/self/fd/{fd}\0");
    // A description of our own, as the program's has a position.
    // SAFETY: a NUL-terminated name of ours.
    let own = unsafe {
        let name = link.as_str().as_ptr() as u64;
        syscall4(OPENAT, AT_FDCWD as u64, name, O_RDONLY | O_CLOEXEC, 0)
    };
    if own < 0 {
        return event.guest_memory(at, length);
    }
    let end = offset + length;
    let mut position = offset;
    while position < end {
        // SAFETY: our descriptor.
        let seek = |whence| unsafe { syscall4(numbers::LSEEK, own as u64, position, whence, 0) };
        let data = seek(numbers::SEEK_DATA);
        if data == -numbers::ENXIO {
            break; // Nothing but a hole.
        }
        position = (data.max(position as i64) as u64).min(end);
        // SAFETY: our descriptor.
        let hole = unsafe { syscall4(numbers::LSEEK, own as u64, position, numbers::SEEK_HOLE, 0) };
        // Where the file system knows of no holes, all is data.
        let known = data >= 0 && hole > position as i64;
        let until = if known { (hole as u64).min(end) } else { end };
        event.guest_memory(at + (position - offset), until - position);
        position = until;
    }
    // SAFETY: our descriptor.
    unsafe { syscall2(CLOSE, own as u64, 0) };
}
