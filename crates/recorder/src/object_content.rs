//! What the file behind a shared object holds, into the log: by a descriptor where there is one, else through memory.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall6};
use reenact_trace::Tag;

use crate::file_source::Source;
use crate::guest::page_up;
use crate::log::{are_zeros, Builder, LONGEST_PIECE};
use crate::own_mappings::OwnMapping;
use crate::{guest, shared};

/// Attach bytes of an object that `fill` gives, in pieces; false when they cannot be had.
fn attach(
    event: &mut Builder,
    number: u32,
    offset: u64,
    length: u64,
    fill: impl Fn(u64, &mut [u8]) -> bool,
) -> bool {
    attach_unless(event, number, offset, length, |at, into| {
        fill(at, into).then_some(Piece::Attached)
    })
}

/// What becomes of a piece.
enum Piece {
    Attached,
    LeftOut,
}

/// The same, but for the pieces that `fill` has left out; `None` from it: they cannot be had.
fn attach_unless(
    event: &mut Builder,
    number: u32,
    offset: u64,
    length: u64,
    fill: impl Fn(u64, &mut [u8]) -> Option<Piece>,
) -> bool {
    let mut done = 0;
    while done < length {
        let piece = (length - done).min(LONGEST_PIECE as u64);
        let at = offset + done;
        let mut became = None;
        event.filled(Tag::ObjectWrite, at, piece as usize + 8, |into| {
            let (head, rest) = into.split_at_mut(8);
            head.copy_from_slice(&u64::from(number).to_le_bytes());
            became = fill(at, rest);
            matches!(became, Some(Piece::Attached))
        });
        if became.is_none() {
            return false;
        }
        done += piece;
    }
    true
}

/// Attach what a file has in a range, holes as such; false when it cannot be read. What was allocated and never written to
/// (a heap of the JVM, mapped three times) is told like a hole: neither ring nor replay has to carry its zeros.
pub fn attach_range(event: &mut Builder, number: u32, source: &Source, from: u64, to: u64) -> bool {
    if from < to {
        shared::zeros(event, number, from, to - from);
    }
    let mut at = from;
    while let Some([data, until]) = source.next_data(at, to) {
        let read = |offset, into: &mut [u8]| {
            let is_read = source.read(offset, into);
            is_read.then(|| {
                if are_zeros(into) {
                    Piece::LeftOut
                } else {
                    Piece::Attached
                }
            })
        };
        if !attach_unless(event, number, data, until - data, read) {
            return false;
        }
        at = until;
    }
    true
}

/// Attach bytes of a file that have just been written: they are no hole.
pub fn attach_bytes(event: &mut Builder, number: u32, source: &Source, from: u64, to: u64) -> bool {
    let read = |offset, into: &mut [u8]| source.read(offset, into);
    from >= to || attach(event, number, from, to - from, read)
}

/// Attach what memory holds as bytes of an object.
pub fn attach_memory(event: &mut Builder, number: u32, offset: u64, address: u64, length: u64) {
    attach(event, number, offset, length, |at, into: &mut [u8]| {
        guest::read(address + (at - offset), into)
    });
}

/// Attach what a mapping of an object shows, page by page, as far as it can be read. Not for a private one whose pages
/// may be its own.
pub fn attach_shown(event: &mut Builder, number: u32, mapping: &OwnMapping) {
    let length = page_up(mapping.end - mapping.start);
    let mut page = [0u8; PAGE as usize];
    for done in (0..length).step_by(PAGE as usize) {
        if !guest::read(mapping.start + done, &mut page) {
            continue;
        }
        let offset = mapping.offset + done;
        if page.iter().all(|&byte| byte == 0) {
            shared::zeros(event, number, offset, PAGE);
            continue;
        }
        attach(event, number, offset, PAGE, |_, into: &mut [u8]| {
            into.copy_from_slice(&page);
            true
        });
    }
}

/// The end of the page in which a file ends is seen too, if something was stored there. No call reads that: it is
/// mapped for a moment.
pub fn attach_tail(event: &mut Builder, number: u32, fd: i32, mapping: &OwnMapping, size: u64) {
    let [start, end] = mapping.shown(size, page_up(size));
    if start >= end {
        return;
    }
    let offset = guest::page_down(size);
    // SAFETY: a fresh mapping at a place the kernel chooses, unmapped again.
    let mapped = unsafe { syscall6(MMAP, 0, PAGE, PROT_READ, MAP_SHARED, fd as u64, offset) };
    if mapped > 0 {
        let at = mapped as u64 + (size - offset);
        let read = |_, into: &mut [u8]| guest::read(at, into);
        attach(event, number, size, end - start, read);
        // SAFETY: mapped just now.
        unsafe { syscall2(MUNMAP, mapped as u64, PAGE) };
    }
}
