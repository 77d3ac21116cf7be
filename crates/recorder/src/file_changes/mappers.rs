//! Which other processes have a file mapped.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::sharing::slot_and_pid;

use crate::arena::{self, Life};
use crate::files::Status;
use crate::mapped_files::MappedFileIndex;
use crate::{message, sharing_group, text};

/// Whether other processes have mapped the copy of the file that is kept. Those that run in turns convert their
/// mappings; what the others see is not known.
pub fn is_mapped_by_others(file: MappedFileIndex, status: &Status) -> bool {
    let own = sharing_group::me();
    let others = file.mappers().into_iter().filter(|&other| other != own);
    let mut is_any = false;
    for other in others {
        let Some((slot, pid)) = slot_and_pid(other) else {
            continue;
        };
        let maps = match arena::life_of(other) {
            Life::Over => false,
            // Not in this pid namespace: nobody here can look.
            Life::GoesOn(0) => true,
            Life::GoesOn(number) => maps_file_of(number, status),
            Life::Unknown => maps_file_of(pid, status),
        };
        if !maps {
            continue;
        }
        is_any = true;
        let member = arena::waiter(slot).member.load(Ordering::Acquire);
        if slot_and_pid(member) != Some((slot, pid)) {
            let text = text!(
                "a file that process {pid} has mapped was changed by another process: what the mapping \
                 shows of that is not recorded"
            );
            message::once(text.as_str());
        }
    }
    is_any
}

/// Whether a process has a file mapped.
fn maps_file_of(pid: u32, status: &Status) -> bool {
    let device = status.device;
    let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
    let minor = (device & 0xff) | (device >> 12 & !0xff);
    let wanted = text!(" {major:02x}:{minor:02x} {} ", status.inode);
    let wanted = wanted.as_str().as_bytes();
    let name = text!("/proc/{pid}/maps\0");
    let mut buffer = [0u8; 4096];
    let mut held = 0;
    let mut is_found = false;
    // SAFETY: a NUL-terminated name and a buffer of ours; a descriptor of ours, closed again.
    unsafe {
        let path = name.as_str().as_ptr() as u64;
        let file = syscall4(OPENAT, AT_FDCWD as u64, path, O_RDONLY | O_CLOEXEC, 0);
        if file < 0 {
            // Out of reach: as if it had the file mapped, if it is there.
            return syscall2(KILL, pid.into(), 0) != -ESRCH;
        }
        while !is_found {
            let (to, room) = (
                buffer.as_mut_ptr() as u64 + held as u64,
                buffer.len() - held,
            );
            let count = syscall3(READ, file as u64, to, room as u64);
            if count <= 0 {
                break;
            }
            held += count as usize;
            is_found = buffer[..held]
                .windows(wanted.len())
                .any(|part| part == wanted);
            let kept = held.min(wanted.len());
            buffer.copy_within(held - kept..held, 0);
            held = kept;
        }
        syscall2(CLOSE, file as u64, 0);
    }
    is_found
}
