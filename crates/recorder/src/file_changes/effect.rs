//! What a call has done to a file.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3};

use crate::guest;

/// What a call has done to a file.
pub enum Effect {
    /// These bytes are new.
    Bytes(u64, u64),
    /// These are, holes among them.
    Range(u64, u64),
    /// So long is it now.
    Resized(u64),
}

/// So many bytes up to there.
pub fn ends_at(end: u64, count: u64) -> Effect {
    Effect::Bytes(end.saturating_sub(count), end)
}

/// Whether all that is written by a descriptor is appended.
pub fn appends(descriptor: u64) -> bool {
    // SAFETY: asks for flags.
    let flags = unsafe { syscall2(FCNTL, descriptor, F_GETFL) };
    flags >= 0 && flags as u64 & O_APPEND != 0
}

/// What a call has done that was successful; `size`: of the file now.
pub fn of_call(number: u64, args: &[u64; 6], result: i64, size: u64) -> Effect {
    const RWF_APPEND: u64 = 0x10;
    const PUNCH_OR_ZERO: u64 = 0x2 | 0x10;
    const MOVES: u64 = 0x8 | 0x20;
    let count = result as u64;
    let position = |fd: u64| {
        // SAFETY: asks for the position.
        let at = unsafe { syscall3(LSEEK, fd, 0, SEEK_CUR) };
        ends_at(at.max(0) as u64, count)
    };
    let offset_at = |pointer: u64, fd: u64| match guest::read_u64(pointer) {
        Some(end) if pointer != 0 => ends_at(end, count),
        _ => position(fd),
    };
    match number {
        WRITE | WRITEV | SENDFILE => position(args[0]),
        PWRITE64 | PWRITEV if appends(args[0]) => ends_at(size, count),
        PWRITEV2 if appends(args[0]) || args[5] & RWF_APPEND != 0 => ends_at(size, count),
        PWRITEV2 if args[3] == u64::MAX => position(args[0]),
        PWRITE64 | PWRITEV | PWRITEV2 => Effect::Bytes(args[3], args[3].saturating_add(count)),
        COPY_FILE_RANGE | SPLICE => offset_at(args[3], args[2]),
        FTRUNCATE => Effect::Resized(args[1]),
        FALLOCATE if args[1] & PUNCH_OR_ZERO != 0 => {
            Effect::Range(args[2], args[2].saturating_add(args[3]))
        }
        FALLOCATE if args[1] & MOVES != 0 => Effect::Range(args[2], u64::MAX),
        FALLOCATE => Effect::Bytes(size, size),
        _ => Effect::Range(0, u64::MAX),
    }
}
