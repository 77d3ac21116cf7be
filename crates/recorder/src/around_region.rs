//! Calls about ranges of memory that reach into the reserved region. To the program nothing is mapped
//! there: its own parts of the range are dealt with, and the kernel answers for the rest as it does for
//! memory that is not there.

use reenact_freestanding::numbers::{
    EEXIST, EINVAL, ENOMEM, MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE,
    MAP_PRIVATE, MMAP, MUNMAP, PAGE, PROT_NONE,
};
use reenact_freestanding::syscall::{syscall2, syscall6};
use reenact_syscalls::Hole;
use reenact_trace::layout::{overlaps_region, REGION_END, REGION_START};

use crate::call::Call;
use crate::guest::{page_up, ADDRESS_END};

/// Whether a call about a range concerns the region. What goes round the end of all addresses, as it is or in whole pages, the
/// kernel refuses before it looks at anything.
pub fn is_touched(address: u64, length: u64) -> bool {
    let whole = length.checked_next_multiple_of(PAGE);
    let is_range = whole.is_some_and(|whole| address.checked_add(whole).is_some());
    is_range && overlaps_region(address, length)
}

/// Address and length of what a range has before the region, and of what it has behind it.
pub fn parts(address: u64, length: u64) -> [Option<[u64; 2]>; 2] {
    let end = address.saturating_add(length).min(ADDRESS_END);
    let before = (address < REGION_START).then(|| [address, REGION_START - address]);
    let behind = (end > REGION_END).then(|| [REGION_END, page_up(end - REGION_END)]);
    [before, behind]
}

/// The call's result for a range in which nothing is mapped: the same checks, and the same error.
pub fn answer_for_hole(call: &Call<'_>) -> i64 {
    let [address, length, c, d, e, f] = call.args;
    let overflows = address
        .checked_add(length)
        .is_none_or(|end| end > u64::MAX - PAGE);
    let length = if overflows { length } else { length.min(PAGE) };
    let hole = ADDRESS_END + address % PAGE;
    // SAFETY: nothing can be mapped there.
    unsafe { syscall6(call.number, hole, length, c, d, e, f) }
}

/// A call that changes neither content nor protection.
pub fn look(call: &Call<'_>, hole: Hole) -> i64 {
    let [address, length, c, d, e, f] = call.args;
    let parts = match hole {
        Hole::Refused => [None; 2],
        Hole::Stops => [parts(address, length)[0], None],
        Hole::Skipped => parts(address, length),
    };
    for [at, part] in parts.into_iter().flatten() {
        // SAFETY: what the program asked for, where it is not about us.
        let result = unsafe { syscall6(call.number, at, part, c, d, e, f) };
        let is_skipped = hole == Hole::Skipped && result == -ENOMEM;
        if result < 0 && !is_skipped {
            return result;
        }
    }
    answer_for_hole(call)
}

/// What `munmap` says to a range, as far as that does not depend on what is mapped.
pub fn check_unmap(address: u64, length: u64) -> i64 {
    let fits = address <= ADDRESS_END && length <= ADDRESS_END - address;
    if address.is_multiple_of(PAGE) && fits && length != 0 {
        0
    } else {
        -EINVAL
    }
}

/// `mmap` of a fixed range without access: a reservation, made around the region. The address, or
/// -errno.
pub fn reserve(args: &[u64; 6]) -> i64 {
    let [address, length, protection, flags, fd, offset] = *args;
    // What is wrong with the call itself the kernel says, without touching what is there.
    let instead = flags & !MAP_FIXED | MAP_FIXED_NOREPLACE;
    // SAFETY: only where nothing is mapped, which is taken back at once.
    let result = unsafe {
        let made = syscall6(MMAP, address, length, protection, instead, fd, offset);
        if made >= 0 {
            syscall2(MUNMAP, made as u64, length);
        }
        made
    };
    if result < 0 && result != -EEXIST {
        return result;
    }
    let is_reservation = protection == PROT_NONE && flags & MAP_ANONYMOUS != 0;
    if !is_reservation {
        return -ENOMEM;
    }
    let parts = parts(address, page_up(length));
    for (index, [at, part]) in parts.into_iter().flatten().enumerate() {
        // SAFETY: the program asked for it and the part is not ours.
        let result = unsafe { syscall6(MMAP, at, part, protection, flags, fd, offset) };
        if result < 0 {
            if let (1, Some([first, length])) = (index, parts[0]) {
                // SAFETY: we have just made it.
                unsafe { syscall2(MUNMAP, first, length) };
            }
            return result;
        }
    }
    address as i64
}

/// Keep the kernel from placing anything in the region from now on. It does so only when everything
/// above is full: then what is free in the region is occupied.
pub fn occupy() {
    occupy_part(REGION_START, REGION_END - REGION_START);
}

fn occupy_part(address: u64, length: u64) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    // SAFETY: only where nothing is mapped, and in our own region.
    let result = unsafe { syscall6(MMAP, address, length, PROT_NONE, flags, u64::MAX, 0) };
    if result as u64 == address || length <= PAGE {
        return;
    }
    // Depth: the region has 2^26 pages.
    let half = length / 2;
    occupy_part(address, half);
    occupy_part(address + half, length - half);
}

/// Make a mapping that the kernel places: once more where it has chosen the region. `make` answers
/// with the address, `unmake` takes that back.
pub fn placed(length: u64, mut make: impl FnMut() -> i64, unmake: impl Fn(u64)) -> i64 {
    let result = make();
    if result < 0 || !overlaps_region(result as u64, length) {
        return result;
    }
    unmake(result as u64);
    occupy();
    make()
}
