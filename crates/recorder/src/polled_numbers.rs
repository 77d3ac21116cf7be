//! `poll` of numbers that are our descriptors': the program has none of such a number.

use reenact_freestanding::numbers::{EFAULT, EINVAL, POLL, PRLIMIT64, RLIMIT_NOFILE};
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_trace::Tag;

use crate::call::Call;
use crate::{guest, hidden_descriptors};

/// `struct pollfd` as a word: its descriptor is in the lower half.
const SIZE: u64 = 8;
const DESCRIPTOR: u64 = 0xffff_ffff;
/// As many as are looked at together.
const COUNT: usize = 64;
/// More than any process may have open.
const MOST: u64 = 1 << 20;
/// No descriptor of any process has this number.
const NOBODYS: u64 = i32::MAX as u64;

/// Answer `poll` or `ppoll` where it names a descriptor of ours; `None`: it does not, or the kernel refuses it. It
/// does not wait, as it has found something: that such a descriptor is not open.
pub fn answer(call: &mut Call<'_>) -> Option<i64> {
    let [at, count, ..] = call.args;
    let count = u64::from(count as u32);
    if count > MOST {
        return None;
    }
    let parts = || {
        (0..count).step_by(COUNT).map(|first| {
            (
                at.wrapping_add(first * SIZE),
                (count - first).min(COUNT as u64),
            )
        })
    };
    if !parts().any(|(at, count)| read(at, count).is_some_and(|(_, names_ours)| names_ours)) {
        return None;
    }
    let mut limit = [0u64; 2];
    // SAFETY: fills a limit of ours.
    unsafe { syscall4(PRLIMIT64, 0, RLIMIT_NOFILE, 0, limit.as_mut_ptr() as u64) };
    if count > limit[0] {
        return Some(-EINVAL);
    }
    let mut found = 0;
    for (at, count) in parts() {
        let Some((entries, _)) = read(at, count) else {
            return Some(-EFAULT);
        };
        let mut asked = entries.map(|entry| match entry & DESCRIPTOR {
            descriptor if hidden_descriptors::is_hidden(descriptor) => {
                entry & !DESCRIPTOR | NOBODYS
            }
            _ => entry,
        });
        // SAFETY: an array of ours.
        let result = unsafe { syscall3(POLL, asked.as_mut_ptr() as u64, count, 0) };
        if result < 0 {
            return Some(result);
        }
        found += result;
        for (answer, entry) in asked.iter_mut().zip(entries) {
            *answer = *answer & !DESCRIPTOR | entry & DESCRIPTOR;
        }
        let bytes = bytes_of(&mut asked, count);
        if !guest::write(at, bytes) {
            return Some(-EFAULT);
        }
        call.event.bytes(Tag::Write, at, bytes);
    }
    Some(found)
}

/// Some entries of the program's, and whether one names a descriptor of ours.
fn read(at: u64, count: u64) -> Option<([u64; COUNT], bool)> {
    let mut entries = [0u64; COUNT];
    if !guest::read(at, bytes_of(&mut entries, count)) {
        return None;
    }
    let is_ours = |entry: &u64| hidden_descriptors::is_hidden(entry & DESCRIPTOR);
    let names_ours = entries[..count as usize].iter().any(is_ours);
    Some((entries, names_ours))
}

fn bytes_of(entries: &mut [u64; COUNT], count: u64) -> &mut [u8] {
    // SAFETY: words as bytes, of which there are at least so many.
    unsafe { core::slice::from_raw_parts_mut(entries.as_mut_ptr().cast(), (count * SIZE) as usize) }
}
