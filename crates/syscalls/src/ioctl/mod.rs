//! Requests of `ioctl`.

mod devices;
mod files;
mod request;
mod sockets;
mod terminals;

use crate::access::{Memory, Sink};
use crate::emit::Emitter;
use crate::refusal::{Refusal, Subject};

use request::plain;
pub use request::{Ioctl, IoctlOutput};

const ENOTTY: i32 = 25;
const EBADF: i32 = 9;

const FAMILIES: [&[Ioctl]; 4] = [
    terminals::REQUESTS,
    files::REQUESTS,
    sockets::REQUESTS,
    devices::REQUESTS,
];

const COUNT: usize = FAMILIES[0].len() + FAMILIES[1].len() + FAMILIES[2].len() + FAMILIES[3].len();

/// All known requests in order of their numbers, sorted by the compiler.
pub(crate) static REQUESTS: [Ioctl; COUNT] = sorted();

const fn sorted() -> [Ioctl; COUNT] {
    let mut all = [plain(0, ""); COUNT];
    let mut filled = 0;
    let mut family = 0;
    while family < FAMILIES.len() {
        let mut index = 0;
        while index < FAMILIES[family].len() {
            let entry = FAMILIES[family][index];
            let mut at = filled;
            while at > 0 && all[at - 1].request > entry.request {
                all[at] = all[at - 1];
                at -= 1;
            }
            assert!(
                at == 0 || all[at - 1].request != entry.request,
                "a request appears twice"
            );
            all[at] = entry;
            filled += 1;
            index += 1;
        }
        family += 1;
    }
    all
}

/// The name of a known request.
pub(crate) fn name(request: u32) -> Option<&'static str> {
    find(request)?.name
}

fn find(request: u32) -> Option<&'static Ioctl> {
    let index = REQUESTS
        .binary_search_by_key(&request, |entry| entry.request)
        .ok()?;
    Some(&REQUESTS[index])
}

/// What an `ioctl` request does.
///
/// Requests that are not in the table but well formed (`_IOR`, `_IOW`, `_IOWR`), of a type whose
/// structures hold no pointers, have the size in their number. What all others write is not known.
///
/// # Errors
/// Declined: those whose effects cannot be recorded.
pub fn ioctl(request: u32) -> Result<Ioctl, Refusal> {
    let subject = Subject::Ioctl(request, name(request));
    match find(request) {
        Some(&Ioctl {
            output: IoctlOutput::Declined(errno, reason),
            ..
        }) => Err(Refusal::Declined {
            subject,
            errno,
            reason,
        }),
        Some(entry) => Ok(*entry),
        None => Ok(by_number(request)),
    }
}

/// Types whose numbers tell the truth about sizes (exceptions are in the table).
const HONEST_TYPES: [u8; 17] = [
    b'T', // terminals
    b'f', // file systems
    b'v', // versions of files
    b'r', // FAT
    b'm', // tapes
    b'R', // random numbers
    b'E', // input devices
    b'j', // joysticks
    b'W', // watchdogs
    0x12, // block devices
    0x15, // identifiers of file systems
    0x89, // sockets
    0x8a, // epoll
    b'p', // hardware clocks
    0xaf, // backends of virtual devices (vhost)
    0xb4, // pins of processors (GPIO)
    0xe5, // file systems in user space (FUSE)
];

fn by_number(request: u32) -> Ioctl {
    const WRITE: u32 = 1;
    let direction = request >> 30;
    let size = (request >> 16) & 0x3fff;
    let kind = (request >> 8) as u8;
    // Without a direction it is an old-style number, of which nothing is known.
    let output = if direction == 0 || !HONEST_TYPES.contains(&kind) {
        IoctlOutput::Unknown
    } else if direction == WRITE {
        IoctlOutput::None
    } else {
        IoctlOutput::Bytes(size)
    };
    Ioctl {
        request,
        name: None,
        output,
        makes_descriptor: false,
        may_block: false,
    }
}

/// Report the outputs of an `ioctl`. Drivers may write before they fail, but not when there is
/// no driver for the request (`isatty` on a file) or no file.
pub(crate) fn outputs<M: Memory, S: Sink>(
    request: u32,
    argument: u64,
    out: &mut Emitter<'_, M, S>,
) {
    if out.result == -i64::from(ENOTTY) || out.result == -i64::from(EBADF) {
        return;
    }
    let Ok(entry) = ioctl(request) else { return };
    match entry.output {
        IoctlOutput::Bytes(bytes) => out.emit(argument, u64::from(bytes)),
        IoctlOutput::InterfaceList => {
            out.emit(argument, 16);
            let length = out.u32(argument).map_or(0, u64::from);
            if let Some(buffer) = out.word(argument.wrapping_add(8)) {
                out.emit(buffer, length);
            }
        }
        IoctlOutput::Extents => {
            /// `struct fiemap`, `struct fiemap_extent`.
            const HEADER: u64 = 32;
            const EXTENT: u64 = 56;
            let mapped = out.u32(argument.wrapping_add(20)).map_or(0, u64::from);
            let room = out.u32(argument.wrapping_add(24)).map_or(0, u64::from);
            // After a failure the header is not written back.
            let count = if out.result < 0 {
                room
            } else {
                mapped.min(room)
            };
            out.emit(argument, HEADER + count * EXTENT);
        }
        IoctlOutput::Dedupe => {
            /// `struct file_dedupe_range`, `struct file_dedupe_range_info`.
            const HEADER: u64 = 24;
            const RANGE: u64 = 32;
            let count = out
                .u32(argument.wrapping_add(16))
                .map_or(0, |word| u64::from(word & 0xffff));
            out.emit(argument, HEADER + count * RANGE);
        }
        IoctlOutput::None | IoctlOutput::Declined(..) | IoctlOutput::Unknown => {}
    }
}
