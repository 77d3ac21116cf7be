//! System calls that change the address space: performed by the kernel, logged with what a
//! replay needs to make the same mapping.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall4, syscall6};
use reenact_trace::layout::{is_reserved, overlaps_region};
use reenact_trace::{FileId, MapRecord};

use crate::call::{Call, Outcome};
use crate::log::Builder;
use crate::{
    code_ranges, files, heap, hidden_descriptors, patch, shared, sharing_group, signal, sites,
    system_v, text, unknown_code,
};

/// Perform a call of class Memory. `None`: an ordinary call after all.
#[inline(never)]
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    Some(match call.number {
        MMAP => mmap(call),
        BRK => Outcome::Done(heap::set_end(call.args[0])),
        system_v::SHMAT => system_v::attach(call),
        system_v::SHMDT => system_v::detach(call),
        MUNMAP | MPROTECT | MADVISE | MREMAP => {
            if overlaps_region(call.args[0], call.args[1]) {
                // To the program nothing is mapped there.
                return Some(Outcome::Done(if call.number == MUNMAP {
                    0
                } else {
                    -ENOMEM
                }));
            }
            change(call)
        }
        _ => return None,
    })
}

fn change(call: &mut Call<'_>) -> Outcome {
    let [a, b, c, d, e, f] = call.args;
    const MADV_FREE: u64 = 8;
    // The kernel may drop MADV_FREE pages at any later moment: drop them now.
    let advice = if call.number == MADVISE && c == MADV_FREE {
        MADV_DONTNEED
    } else {
        c
    };
    if call.number == MREMAP {
        // It takes one mapping only, and neighbours are one if they are alike.
        signal::dirty::release(a, b);
    }
    // SAFETY: the program asked for it and the range is not ours.
    let result = unsafe { syscall6(call.number, a, b, advice, d, e, f) };
    if result >= 0 {
        match call.number {
            MUNMAP => {
                shared::forget(a, b);
                patch::forget(a, b);
            }
            MREMAP => {
                code_ranges::remove(a, b);
                shared::follow(a, b, result as u64, c);
            }
            MPROTECT => {
                signal::dirty::join_neighbours(a, b);
                if c & PROT_WRITE != 0 {
                    code_ranges::remove(a, b);
                }
                if c & PROT_EXEC != 0 {
                    unknown_code::is_made(call.thread, &mut call.event);
                }
            }
            _ => {}
        }
    }
    Outcome::Done(result)
}

/// Whether shared mappings of the file behind a descriptor show what others write to it: also to who may
/// only read, where somebody has it mapped to write, or will, as a memory file is made for.
fn is_object(fd: i32, status: &files::Status) -> bool {
    status.is_regular && (files::is_writable(fd) || status.links == 0 || shared::is_object(status))
}

fn mmap(call: &mut Call<'_>) -> Outcome {
    let [address, length, protection, flags, fd, offset] = call.args;
    let fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0;
    if fixed && overlaps_region(address, length) {
        return Outcome::Done(-ENOMEM);
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
    let result = unsafe { syscall6(MMAP, hint, length, protection, flags, fd, offset) };
    if result < 0 {
        return Outcome::Done(result);
    }
    let at = result as u64;
    signal::dirty::join_neighbours(at, length);
    if fixed {
        patch::forget(at, length);
        shared::forget(at, length);
    }
    // What is written to such memory later is code nobody has looked at.
    if protection & PROT_EXEC != 0 && (anonymous || protection & PROT_WRITE != 0) {
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
                    code_ranges::add(at, length);
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
    const LSEEK: u64 = 8;
    const SEEK_DATA: u64 = 3;
    const SEEK_HOLE: u64 = 4;
    const ENXIO: i64 = 6;
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
        let seek = |whence| unsafe { syscall4(LSEEK, own as u64, position, whence, 0) };
        let data = seek(SEEK_DATA);
        if data == -ENXIO {
            break; // Nothing but a hole.
        }
        position = (data.max(position as i64) as u64).min(end);
        // SAFETY: our descriptor.
        let hole = unsafe { syscall4(LSEEK, own as u64, position, SEEK_HOLE, 0) };
        // Where the file system knows of no holes, all is data.
        let known = data >= 0 && hole > position as i64;
        let until = if known { (hole as u64).min(end) } else { end };
        event.guest_memory(at + (position - offset), until - position);
        position = until;
    }
    // SAFETY: our descriptor.
    unsafe { syscall2(CLOSE, own as u64, 0) };
}
