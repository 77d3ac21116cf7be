//! Which descriptors are the standard output and error that the recording began with, when they have come
//! another way than by a copy: opened by a name (`/dev/stdout`, `/proc/self/fd/1`), or received from somebody. So
//! it is, too, with all of them when threads have tables of their own: a number alone says nothing then.

use core::sync::atomic::{AtomicBool, Ordering};

use reenact_freestanding::numbers::{FSTAT, MSG_CMSG_CLOEXEC, SCM_RIGHTS, SOL_SOCKET};
use reenact_freestanding::syscall::syscall2;
use reenact_trace::arena::descriptor;

use crate::{arena, guest};

const O_ACCMODE: u64 = 3;
const O_CLOEXEC: u64 = 0o2_000_000;

/// Threads of this process have descriptors of their own.
static ARE_SEVERAL: AtomicBool = AtomicBool::new(false);

/// A thread has a table of descriptors of its own from now on (CLONE_FILES).
pub fn tables_are_several() {
    ARE_SEVERAL.store(true, Ordering::Relaxed);
}

/// Whether that is so: one and the same number may be another file to another thread.
pub fn may_differ() -> bool {
    ARE_SEVERAL.load(Ordering::Relaxed)
}

/// What a descriptor of the calling thread is, of which the process knows this much.
pub fn of(fd: u64, known: u8) -> u8 {
    if !ARE_SEVERAL.load(Ordering::Relaxed) {
        return known;
    }
    let header = arena::header();
    let found = stream(fd as u32);
    // Where both are one file, what is known of the number tells.
    if found != 0 && known != 0 && header.stdout_identity == header.stderr_identity {
        known
    } else {
        found
    }
}

/// What a descriptor opened with these flags is, and whether it is closed on exec.
pub fn opened(fd: u32, flags: u64) -> u8 {
    let closes = if flags & O_CLOEXEC != 0 {
        descriptor::CLOSE_ON_EXEC
    } else {
        0
    };
    // What can only be read is no output.
    if flags & O_ACCMODE == 0 {
        return 0;
    }
    with(stream(fd), closes)
}

/// Tell of each descriptor that has come with a received message, with what it is. `message`: address of a
/// `struct msghdr`.
pub fn received(message: u64, flags: u64, tell: &mut dyn FnMut(u32, u8)) {
    const CONTROL: u64 = 32;
    const HEADER: u64 = 16;
    /// `SCM_MAX_FD` and then some.
    const MOST: u64 = 4096;
    let closes = if flags & MSG_CMSG_CLOEXEC != 0 {
        descriptor::CLOSE_ON_EXEC
    } else {
        0
    };
    let read = |address| guest::read_u64(address);
    let (Some(control), Some(length)) = (read(message + CONTROL), read(message + CONTROL + 8))
    else {
        return;
    };
    let length = length.min(MOST);
    let mut at = 0;
    while at + HEADER <= length {
        let (Some(size), Some(kind)) = (read(control + at), read(control + at + 8)) else {
            return;
        };
        if size < HEADER || size > length - at {
            return;
        }
        if kind == SOL_SOCKET | SCM_RIGHTS << 32 {
            for place in (at + HEADER..at + size - 3).step_by(4) {
                let mut number = [0u8; 4];
                if guest::read(control + place, &mut number) {
                    let fd = u32::from_le_bytes(number);
                    tell(fd, with(stream(fd), closes));
                }
            }
        }
        at += size.next_multiple_of(8);
    }
}

/// Whether it closes on exec matters for outputs only.
fn with(stream: u8, closes: u8) -> u8 {
    if stream == 0 {
        0
    } else {
        stream | closes
    }
}

/// Which stream a descriptor is, if any: by what it is open on.
fn stream(fd: u32) -> u8 {
    const MODE_AT: usize = 3;
    const DEVICE_AT: usize = 5;
    const FILE_TYPE: u64 = 0o170_000;
    const CHARACTER_DEVICE: u64 = 0o020_000;
    /// Of `/dev/null` and its like, which are no place for output.
    const MEMORY_DEVICES: u64 = 1;
    let mut status = [0u64; 18];
    // SAFETY: struct stat is 144 bytes.
    if unsafe { syscall2(FSTAT, u64::from(fd), status.as_mut_ptr() as u64) } < 0 {
        return 0;
    }
    let (mode, device) = (status[MODE_AT] & FILE_TYPE, status[DEVICE_AT]);
    if mode == CHARACTER_DEVICE && device >> 8 & 0xfff == MEMORY_DEVICES {
        return 0;
    }
    let identity = [status[0], status[1], device];
    let header = arena::header();
    if identity == header.stdout_identity {
        descriptor::STDOUT
    } else if identity == header.stderr_identity {
        descriptor::STDERR
    } else {
        0
    }
}
