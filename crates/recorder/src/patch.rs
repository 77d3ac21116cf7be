//! Which call sites become a jump: hot ones, in code of files that the program cannot write to, where
//! nothing branches into the middle.

use reenact_freestanding::numbers::PAGE;
use reenact_interpose::call_site::{branches_into, CallSite, Provable, AROUND, LONGEST};
use reenact_interpose::call_sites::{self, Patch};
use reenact_trace::Tag;

use crate::log::Builder;
use crate::{code_ranges, guest};

/// A system call trapped; `after` is the address behind the `syscall` instruction.
#[inline(never)]
pub fn consider(after: u64, number: u64, event: &mut Builder) {
    if let Some(patch) = call_sites::trapped(after, number, is_safe) {
        log(&patch, event);
    }
}

/// Code at these addresses has been replaced: patches in it are no more.
pub fn forget(address: u64, length: u64) {
    code_ranges::remove(address, length);
    call_sites::forget(address, length);
}

/// Whether the bytes of a site may become a jump.
fn is_safe(site: &CallSite) -> bool {
    let (start, length) = site.surroundings();
    code_ranges::contain(start, length)
        && match site.to_prove() {
            Provable::ByExecution => true,
            Provable::ByBranches => !is_branched_into(site),
        }
}

/// Whether a branch near a site can land inside the patch.
fn is_branched_into(site: &CallSite) -> bool {
    let mut code = [0u8; 2 * AROUND];
    let start = site.start - AROUND as u64;
    let mut available = code.len();
    if !guest::read(start, &mut code) {
        // Near the end of the mapping: look at what is there.
        let page_end = (site.start + site.length as u64).next_multiple_of(PAGE);
        available = (page_end - start).min(code.len() as u64) as usize;
        if !guest::read(start, &mut code[..available]) {
            return true;
        }
    }
    branches_into(&code[..available], start, site)
}

/// A replay has it in memory, too, for programs that read their own code.
#[cold]
fn log(patch: &Patch, event: &mut Builder) {
    let (written, original) = (patch.written(), patch.original());
    let mut payload = [0u8; 2 * LONGEST];
    payload[..written.len()].copy_from_slice(written);
    payload[written.len()..][..original.len()].copy_from_slice(original);
    event.bytes(Tag::Patch, patch.address, &payload[..2 * written.len()]);
}
