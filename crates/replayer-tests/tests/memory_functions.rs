//! The memory functions of our freestanding programs do what those of C do, at all lengths, distances and contents.

#[path = "../../freestanding/src/memory.rs"]
mod memory;

use core::ffi::{c_int, c_void};

extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void;
    fn memmove(to: *mut c_void, from: *const c_void, length: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, length: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, length: usize) -> c_int;
}

const ROOM: usize = 1200;
/// Around all borders between ways to do it.
const LENGTHS: [usize; 36] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 31, 32, 33, 39, 40, 47, 63, 64, 65, 71, 95, 96,
    97, 127, 128, 129, 200, 255, 256, 257, 300, 400,
];

fn numbered() -> [u8; ROOM] {
    core::array::from_fn(|at| (at * 7 + at / 251) as u8)
}

#[test]
fn copies_may_overlap_at_any_distance() {
    for length in LENGTHS {
        for to in (400..=800).step_by(if length > 70 { 7 } else { 1 }) {
            let from = 600;
            let mut found = numbered();
            let start = found.as_mut_ptr();
            // SAFETY: both ranges are inside.
            let told = unsafe { memmove(start.add(to).cast(), start.add(from).cast(), length) };
            assert_eq!(told.cast(), start.wrapping_add(to));
            let before = numbered();
            let expected = |at: usize| match at.checked_sub(to) {
                Some(offset) if offset < length => before[from + offset],
                _ => before[at],
            };
            let is_same = (0..ROOM).all(|at| found[at] == expected(at));
            assert!(is_same, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn nothing_else_is_written() {
    for length in LENGTHS {
        for at in 100..109 {
            let (from, mut copied, mut filled) = (numbered(), [0xa5u8; ROOM], [0xa5u8; ROOM]);
            // SAFETY: all ranges are inside.
            unsafe {
                memcpy(
                    copied.as_mut_ptr().add(at).cast(),
                    from.as_ptr().add(3).cast(),
                    length,
                );
                memset(filled.as_mut_ptr().add(at).cast(), 0x1c3, length);
            }
            for (index, (&copy, &fill)) in copied.iter().zip(&filled).enumerate() {
                let is_inside = (at..at + length).contains(&index);
                let expected = if is_inside {
                    (from[index - at + 3], 0xc3)
                } else {
                    (0xa5, 0xa5)
                };
                assert_eq!(
                    (copy, fill),
                    expected,
                    "{length} bytes at {at}, byte {index}"
                );
            }
        }
    }
}

#[test]
fn the_first_byte_that_differs_decides() {
    for length in LENGTHS {
        let one = numbered();
        let compare = |other: &[u8; ROOM]| {
            // SAFETY: both ranges are inside.
            unsafe { memcmp(one.as_ptr().cast(), other.as_ptr().cast(), length) }
        };
        assert_eq!(compare(&one), 0);
        for at in 0..length {
            let mut other = one;
            other[at..length].fill(one[at].wrapping_add(1));
            let is_less = one[at] < other[at];
            assert_eq!(compare(&other) < 0, is_less, "{length} bytes, byte {at}");
            assert_ne!(compare(&other), 0, "{length} bytes, byte {at}");
        }
    }
}
