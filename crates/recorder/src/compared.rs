//! A call of which nobody knows what it writes: all memory that it can have written is compared before and after,
//! and pages that have changed are logged.

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall6};
use reenact_trace::checksum::checksum;

use crate::call::{Call, Outcome};
use crate::guest;
use crate::writable_memory::WritableMemory;

/// A page and the checksum of what it held.
#[derive(Clone, Copy)]
struct Page {
    address: u64,
    checksum: u64,
}

/// What memory held before a call, in order of addresses. Memory of its own, for the time of the call.
struct Held {
    address: u64,
    length: u64,
    count: usize,
}

impl Held {
    fn map(pages: u64) -> Option<Held> {
        let length = guest::page_up(pages * size_of::<Page>() as u64 + PAGE);
        let (protection, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        // SAFETY: fresh memory.
        let at = unsafe { syscall6(MMAP, 0, length, protection, flags, u64::MAX, 0) };
        (at > 0).then_some(Held {
            address: at as u64,
            length,
            count: 0,
        })
    }

    fn has_room(&self) -> bool {
        (self.count + 1) * size_of::<Page>() <= self.length as usize
    }

    fn push(&mut self, page: Page) {
        let entry = (self.address as *mut Page).wrapping_add(self.count);
        // SAFETY: inside the mapping, as there is room.
        unsafe { entry.write(page) };
        self.count += 1;
    }

    fn pages(&self) -> &[Page] {
        // SAFETY: filled so far.
        unsafe { core::slice::from_raw_parts(self.address as *const Page, self.count) }
    }

    fn is_own(&self, address: u64) -> bool {
        address >= self.address && address < self.address + self.length
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: what `map` has made.
        unsafe { syscall2(MUNMAP, self.address, self.length) };
    }
}

/// Go through the pages that can have been written.
fn for_pages(mut each: impl FnMut(u64)) {
    let memory = WritableMemory::open();
    memory.ranges(|range| {
        memory.parts(range, range.from, |from, to| {
            (from..to).step_by(PAGE as usize).for_each(&mut each);
        });
    });
}

fn checksum_of(page: u64) -> Option<u64> {
    let mut bytes = [0u8; PAGE as usize];
    guest::read(page, &mut bytes).then(|| checksum(&bytes))
}

/// Make the call and log what it has changed. `None`: nothing has been done, as it cannot be found out.
#[cold]
#[inline(never)]
pub fn perform(
    call: &mut Call<'_>,
    make: impl FnOnce(&mut Call<'_>) -> Outcome,
) -> Option<Outcome> {
    let mut count = 0;
    for_pages(|_| count += 1);
    let mut held = Held::map(count)?;
    for_pages(|address| {
        if held.has_room() && !held.is_own(address) {
            if let Some(checksum) = checksum_of(address) {
                held.push(Page { address, checksum });
            }
        }
    });
    let outcome = make(call);
    let mut before = held.pages();
    for_pages(|address| {
        while let [first, rest @ ..] = before {
            if first.address >= address {
                break;
            }
            before = rest;
        }
        let old = before.first().filter(|page| page.address == address);
        let is_same = || old.is_some_and(|page| checksum_of(address) == Some(page.checksum));
        if !held.is_own(address) && !is_same() {
            call.event.guest_memory(address, PAGE);
        }
    });
    Some(outcome)
}
