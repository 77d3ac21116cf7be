//! Hot call sites: the first traps of a `syscall` instruction count, then the site becomes a
//! jump to a trampoline near it. [`crate::call_site`] says what it would look like, and whoever links
//! the crate whether it is safe.

use reenact_freestanding::numbers::*;

use crate::call_site::{CallSite, BEFORE, BEHIND, LONGEST};
use crate::{entry, guarded_copy, moved_code, program_code, trampoline, trampoline_areas};

pub use crate::trampoline_areas::{all as areas, contain as is_trampoline, unmap_all};

/// A site is patched at this many traps: a trap costs some 2 µs, a patch more than 10 µs (the site and
/// the trampoline become writable and executable again), and most sites of a short process are
/// executed two or three times.
const THRESHOLD: u8 = 6;

/// Traps of a site: its address, and below that how often it has trapped, and whether a patch was
/// tried and is not possible. One word: each page of the table costs a process a page fault.
#[derive(Clone, Copy)]
struct Counter(u64);

impl Counter {
    const FREE: Counter = Counter(0);
    const ONE_TRAP: u64 = 1;
    const TRAPS: u64 = 0x7f;
    const REFUSED: u64 = 0x80;

    fn new(address: u64) -> Counter {
        Counter(address << 8)
    }

    fn address(self) -> u64 {
        self.0 >> 8
    }
}

const COUNTERS: usize = 1024;
static mut TABLE: [Counter; COUNTERS] = [Counter::FREE; COUNTERS];

fn counters() -> &'static mut [Counter; COUNTERS] {
    // SAFETY: one thread at a time.
    unsafe { &mut *(&raw mut TABLE).cast() }
}

fn counter(address: u64) -> &'static mut Counter {
    let index = (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
    &mut counters()[index % COUNTERS]
}

/// A patch that has been written over the program's code.
#[derive(Clone, Copy)]
pub struct Patch {
    pub address: u64,
    length: usize,
    written: [u8; LONGEST],
    original: [u8; LONGEST],
}

impl Patch {
    /// What is there now.
    pub fn written(&self) -> &[u8] {
        &self.written[..self.length]
    }

    /// What was there before.
    pub fn original(&self) -> &[u8] {
        &self.original[..self.length]
    }

    /// Put the program's code back. No thread may be inside the trampoline. Its memory stays: a thread
    /// that comes back from a signal handler may still return to it.
    pub fn undo(&self) -> bool {
        moved_code::table().forget(self.address, self.address + self.length as u64);
        program_code::write(self.address, self.original())
    }
}

/// Patches in memory, for those who look at the program's code from outside; more are not remembered.
const REMEMBERED: usize = 1024;
static mut PATCHES: [Patch; REMEMBERED] = [Patch {
    address: 0,
    length: 0,
    written: [0; LONGEST],
    original: [0; LONGEST],
}; REMEMBERED];
static mut PATCH_COUNT: usize = 0;

fn patches() -> &'static mut [Patch] {
    // SAFETY: one thread at a time; the count never exceeds the table.
    unsafe { core::slice::from_raw_parts_mut((&raw mut PATCHES).cast(), PATCH_COUNT) }
}

/// Whether there is room to remember one more.
fn can_remember() -> bool {
    patches().len() < REMEMBERED
}

fn remember(patch: Patch) {
    if can_remember() {
        // SAFETY: one thread at a time; there is room.
        unsafe { PATCH_COUNT += 1 };
        if let Some(last) = patches().last_mut() {
            *last = patch;
        }
    }
}

impl Patch {
    fn touches(&self, address: u64, length: u64) -> bool {
        let end = address.saturating_add(length);
        self.address < end && address < self.address + self.length as u64
    }
}

/// All that are remembered.
pub fn all() -> impl Iterator<Item = Patch> {
    patches().iter().copied()
}

/// Put the program's code in the place of patches in `bytes`, which were read at `address`.
pub fn show_original(address: u64, bytes: &mut [u8]) {
    for patch in patches() {
        for (index, &byte) in patch.original().iter().enumerate() {
            let at = (patch.address + index as u64).wrapping_sub(address);
            if let Some(shown) = usize::try_from(at).ok().and_then(|at| bytes.get_mut(at)) {
                *shown = byte;
            }
        }
    }
}

/// Undo the patches in a range that is about to be written to, and tell each.
pub fn undo_in(address: u64, length: u64, mut tell: impl FnMut(u64, u64)) {
    while let Some(index) = patches()
        .iter()
        .position(|patch| patch.touches(address, length))
    {
        let patch = patches()[index];
        if patch.undo() {
            tell(patch.address, patch.length as u64);
        }
        forget_patch(index);
    }
}

/// Undo all patches: no thread is in a trampoline, nor comes back to one.
pub fn undo_all() {
    for patch in patches() {
        patch.undo();
    }
    // SAFETY: one thread at a time.
    unsafe { PATCH_COUNT = 0 };
}

fn forget_patch(index: usize) {
    let last = patches().len() - 1;
    patches().swap(index, last);
    // SAFETY: one thread at a time; there is at least this one.
    unsafe { PATCH_COUNT = last };
}

/// Whether the program enters at this address next, though no `syscall` instruction is there any
/// more: a jump has taken the place of one and of the comparison behind it.
pub fn is_jump(address: u64) -> bool {
    const LENGTH: u64 = 2;
    let after = address.wrapping_add(LENGTH);
    moved_code::table().address_of(after) != after
}

/// Code at these addresses has been replaced: patches in it are no more.
pub fn forget(address: u64, length: u64) {
    let end = address.saturating_add(length);
    moved_code::table().forget(address, end);
    while let Some(index) = patches()
        .iter()
        .position(|patch| patch.touches(address, length))
    {
        forget_patch(index);
    }
    for counter in counters() {
        if (address..end).contains(&counter.address()) {
            *counter = Counter::FREE;
        }
    }
}

/// System call `number` trapped; `after` is the address behind the `syscall` instruction. The patch, when
/// this was the trap at which one is made.
///
/// `is_safe` says whether the bytes of a site may become a jump: that nothing will write over them or
/// jump between them. It is asked once for a site.
pub fn trapped(after: u64, number: u64, is_safe: impl FnOnce(&CallSite) -> bool) -> Option<Patch> {
    let counter = counter(after);
    if counter.address() != after {
        // A colliding site takes the place over: the table counts what is hot now.
        *counter = Counter::new(after);
    }
    if counter.0 & Counter::TRAPS < u64::from(THRESHOLD) {
        counter.0 += Counter::ONE_TRAP;
    }
    if counter.0 & Counter::REFUSED != 0 || counter.0 & Counter::TRAPS < u64::from(THRESHOLD) {
        return None;
    }
    let patch = find(after, number)
        .filter(|site| is_safe(site))
        .and_then(|site| install(&site));
    if patch.is_none() {
        counter.0 |= Counter::REFUSED;
    }
    patch
}

/// The numbers that must trap: they leave by other ways than the end of the trampoline, or
/// unwinders read the bytes around them.
fn must_trap(number: u64) -> bool {
    matches!(
        number,
        RT_SIGRETURN | CLONE | FORK | VFORK | CLONE3 | EXECVE | EXECVEAT
    )
}

/// What may be patched around a `syscall` instruction.
fn find(after: u64, number: u64) -> Option<CallSite> {
    if must_trap(number) || !moved_code::table().has_room() || !can_remember() {
        return None;
    }
    let mut code = [0u8; BEFORE + BEHIND];
    if !guarded_copy::read(after - BEFORE as u64, &mut code) {
        return None;
    }
    CallSite::find(&code, after, number, is_trampoline)
}

/// A jump that was written over a call site in another process: what it leads to can be made here.
pub struct Jump {
    site: CallSite,
    trampoline: u64,
}

impl Jump {
    /// The jump that `written` is, in the place of `original` at `address`; `None` where it is none.
    pub fn read(address: u64, written: &[u8], original: &[u8]) -> Option<Jump> {
        let trampoline = trampoline::target(address, written)?;
        let site = CallSite::replaced(address, original)?;
        Some(Jump { site, trampoline })
    }

    /// Where its trampoline has to be.
    pub fn trampoline(&self) -> u64 {
        self.trampoline
    }

    /// Write the trampoline, in memory that is there for it.
    pub fn repeat(&self) -> bool {
        let entry = entry::syscall_entry as *const () as u64;
        let trampoline = trampoline::encode(self.trampoline, &self.site, entry);
        if !moved_code::table().has_room()
            || !program_code::write(self.trampoline, &trampoline.code)
        {
            return false;
        }
        if let Some(tail) = trampoline.tail {
            moved_code::table().add(self.site.after, tail);
        }
        true
    }
}

fn install(site: &CallSite) -> Option<Patch> {
    let address = trampoline_areas::allocate(site.start)?;
    let entry = entry::syscall_entry as *const () as u64;
    let trampoline = trampoline::encode(address, site, entry);
    let mut patch = Patch {
        address: site.start,
        length: site.length,
        written: trampoline::jump(site, address),
        original: [0; LONGEST],
    };
    guarded_copy::read(site.start, &mut patch.original[..site.length]);
    if !program_code::write(address, &trampoline.code)
        || !program_code::write(site.start, patch.written())
    {
        return None;
    }
    if let Some(tail) = trampoline.tail {
        moved_code::table().add(site.after, tail);
    }
    remember(patch);
    Some(patch)
}
