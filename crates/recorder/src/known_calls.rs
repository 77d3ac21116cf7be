//! What is known of the system call instructions in mapped files: the supervisor has followed the flow of
//! control around them.

use core::sync::atomic::Ordering;

use reenact_trace::site::KnownCall;

use crate::{arena, code_ranges};

/// Bytes of a `syscall` instruction.
pub const LENGTH: u64 = 2;

/// What surrounds the instruction at `address`; `None` where it is not in code of a file that the program
/// cannot write to, or where no way was found that leads to it.
pub fn find(address: u64) -> Option<KnownCall> {
    let (file, offset) = code_ranges::find(address, LENGTH)?;
    let entry = arena::file(file.0 as usize);
    if entry.sites_ready.load(Ordering::Acquire) != 1 {
        return None;
    }
    let first = (entry.sites + entry.site_count) as usize;
    let site = |index: usize| KnownCall::from_word(arena::site(first + index));
    // They are in order of offset.
    let (mut low, mut high) = (0, entry.call_site_count as usize);
    while low < high {
        let middle = low.midpoint(high);
        if site(middle).file_offset < offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let is_known = low < entry.call_site_count as usize;
    is_known
        .then(|| site(low))
        .filter(|found| found.file_offset == offset)
}
