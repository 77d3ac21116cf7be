//! How large the kernel's table of descriptors would be without ours, which are beyond its end: `select` looks at no descriptor
//! that the table has no room for, and `/proc/self/status` tells its size.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::POLL;
use reenact_freestanding::syscall::syscall3;

use crate::{arena, guest, hidden_descriptors};

/// Descriptors of a new table, and the unit in which it is copied.
const SMALLEST: u32 = 64;

/// Its size.
pub fn size() -> u32 {
    arena::slot().exec.descriptor_table.load(Ordering::Relaxed)
}

/// It is as large as that.
pub fn set_size(size: u32) {
    let table = &arena::slot().exec.descriptor_table;
    table.store(size, Ordering::Relaxed);
}

/// The program has got a descriptor, for which the kernel makes room (fs/file.c: alloc_fdtable).
#[inline]
pub fn make_room(descriptor: u32) {
    if descriptor >= size() && descriptor < i32::MAX as u32 {
        set_size((descriptor + 1).next_power_of_two());
    }
}

/// The size of a copy, which is as long as the highest open descriptor needs (fs/file.c: sane_fdtable_size).
pub fn copied_size() -> u32 {
    let mut end = size().next_multiple_of(SMALLEST);
    while end > SMALLEST && !is_any_open(end - SMALLEST) {
        end -= SMALLEST;
    }
    end.next_power_of_two()
}

/// Whether any of these descriptors of the program's is open.
fn is_any_open(first: u32) -> bool {
    const COUNT: usize = SMALLEST as usize;
    const NOT_OPEN: u64 = 0x20 << 48;
    // `struct pollfd`: nothing is waited for.
    let mut asked: [u64; COUNT] = core::array::from_fn(|index| u64::from(first) + index as u64);
    // SAFETY: an array of ours.
    let result = unsafe { syscall3(POLL, asked.as_mut_ptr() as u64, COUNT as u64, 0) };
    result < 0
        || asked.iter().any(|&answer| {
            let descriptor = answer & 0xffff_ffff;
            answer & NOT_OPEN == 0 && !hidden_descriptors::is_hidden(descriptor)
        })
}

/// Whether one of the sets that `select` looks at has one of our descriptors, where the table has room for them.
pub fn names_hidden(args: &[u64; 6]) -> bool {
    let [count, sets @ .., _, _] = args;
    let end = (*count as u32).min(size());
    arena::header()
        .hidden_descriptors()
        .filter(|&descriptor| (descriptor as u32) < end)
        .any(|descriptor| {
            sets.iter().any(|&set| {
                let mut byte = [0];
                set != 0
                    && guest::read(set.wrapping_add(descriptor as u64 / 8), &mut byte)
                    && byte[0] >> (descriptor % 8) & 1 != 0
            })
        })
}

/// For `select` and its like, which look at so many descriptors: how many the kernel is told, where that is less
/// (fs/select.c: core_sys_select).
pub fn limit(count: u64) -> Option<u64> {
    let (asked, room) = (count as i32, size());
    (asked > 0 && asked as u32 > room).then_some(room.into())
}
