//! Which call sites become a jump: hot ones, in code of files that the program cannot write to, where
//! nothing branches into the middle.

use reenact_interpose::call_site::{CallSite, Shape, LONGEST};
use reenact_interpose::call_sites::{self, Patch};
use reenact_trace::site::KnownCall;
use reenact_trace::Tag;

use crate::log::Builder;
use crate::{arena, code_ranges, known_calls, suspects};

/// A system call trapped; `after` is the address behind the `syscall` instruction.
#[inline(never)]
pub fn consider(after: u64, number: u64, event: &mut Builder) {
    if arena::header().leaves_code != 0 {
        return;
    }
    if let Some(patch) = call_sites::trapped(after, number, is_safe) {
        log(&patch, event);
    }
}

/// Code at these addresses has been replaced: patches in it are no more.
pub fn forget(address: u64, length: u64) {
    code_ranges::remove(address, length);
    call_sites::forget(address, length);
    suspects::forget(address, length);
}

/// The program is about to write over code by another way than its own stores: patches there are undone, and logged with
/// the rest of what is written.
pub fn forget_written(event: &mut Builder, address: u64, length: u64) {
    call_sites::undo_in(address, length, |start, length| {
        event.guest_memory(start, length);
    });
    forget(address, length);
}

/// Whether the bytes of a site may become a jump: nothing but the flow of control that was followed from the
/// entry of a function shows that the neighbours of a call are the instructions they look like.
fn is_safe(site: &CallSite) -> bool {
    let (start, length) = site.surroundings();
    let is_proven = |known: KnownCall| match site.shape {
        Shape::Move(_) => known.follows_mov,
        Shape::Compare(_) => known.precedes_compare,
    };
    code_ranges::find(start, length).is_some()
        && known_calls::find(site.after - known_calls::LENGTH).is_some_and(is_proven)
}

/// A replay has it in memory, too, for programs that read their own code.
#[cold]
pub fn log(patch: &Patch, event: &mut Builder) {
    let (written, original) = (patch.written(), patch.original());
    let mut payload = [0u8; 2 * LONGEST];
    payload[..written.len()].copy_from_slice(written);
    payload[written.len()..][..original.len()].copy_from_slice(original);
    event.bytes(Tag::Patch, patch.address, &payload[..2 * written.len()]);
}
