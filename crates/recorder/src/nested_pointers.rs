//! Pointers inside structures that a call passes: buffers of vectors, parts of message headers. One
//! into our own region must not reach the kernel, which would read our memory there, or write to
//! it. To the program nothing is mapped there.

use reenact_syscalls::{Nested, SystemCall};
use reenact_trace::layout::overlaps_region;

use crate::call::Call;
use crate::guest;

/// `UIO_MAXIOV`: the kernel refuses longer vectors and looks at no more messages.
const MOST: u64 = 1024;
/// `struct iovec`.
const VECTOR: u64 = 16;
/// `struct mmsghdr`.
const MESSAGE: u64 = 64;

/// What is to be done about a call.
pub enum Verdict {
    /// The kernel may have it as it is.
    Harmless,
    /// It has vectors that name our memory: the kernel gets [`Vectors`] instead.
    HasVectors,
    /// The kernel would look at no more messages than these (argument, count): one is not the
    /// program's.
    Fewer(usize, u64),
    /// The program is told EFAULT.
    Fault,
}

/// Look at the pointers inside what a call passes.
pub fn check(call: &Call<'_>, entry: &SystemCall) -> Verdict {
    let arg = |index: u8| call.args[usize::from(index)];
    for nested in entry.nested {
        match *nested {
            // Remote buffers may be those of this process, or of another recorded one.
            Nested::Vector { pointer, count } => {
                if is_ours_in_vector(arg(pointer), arg(count)) {
                    return Verdict::HasVectors;
                }
            }
            Nested::Message(pointer) => {
                if is_ours_in_message(arg(pointer)) {
                    return Verdict::Fault;
                }
            }
            Nested::Messages { pointer, count } => {
                let mut messages = 0..(arg(count) & 0xffff_ffff).min(MOST);
                let at = |index: u64| arg(pointer).wrapping_add(index * MESSAGE);
                match messages.find(|&index| is_ours_in_message(at(index))) {
                    None => {}
                    Some(0) => return Verdict::Fault,
                    Some(index) => return Verdict::Fewer(usize::from(count), index),
                }
            }
        }
    }
    Verdict::Harmless
}

/// Copies of a call's vectors, in which what names our memory names a page that nobody has: what the
/// kernel does before it comes there, and what it says then, is its affair.
pub struct Vectors([[u64; 2 * MOST as usize]; MOST_VECTORS]);

/// No row has more.
const MOST_VECTORS: usize = 2;

impl Vectors {
    pub const fn new() -> Vectors {
        Vectors([[0; 2 * MOST as usize]; MOST_VECTORS])
    }

    /// The arguments for the kernel. The copies must outlive the call.
    pub fn replace(&mut self, call: &Call<'_>, entry: &SystemCall) -> [u64; 6] {
        let mut args = call.args;
        for (nested, copy) in entry.nested.iter().zip(&mut self.0) {
            if let Nested::Vector { pointer, count } = *nested {
                let count = args[usize::from(count)];
                replace(copy, &mut args[usize::from(pointer)], count);
            }
        }
        args
    }
}

fn replace(copy: &mut [u64; 2 * MOST as usize], address: &mut u64, count: u64) {
    /// Below `mmap_min_addr`.
    const NOWHERE: u64 = 16;
    if count > MOST {
        return;
    }
    for (index, pair) in copy.chunks_exact_mut(2).take(count as usize).enumerate() {
        let at = address.wrapping_add(index as u64 * VECTOR);
        let (Some(base), Some(length)) = (guest::read_u64(at), guest::read_u64(at.wrapping_add(8)))
        else {
            // The kernel says EFAULT.
            return;
        };
        pair[0] = if is_ours(base, length) { NOWHERE } else { base };
        pair[1] = length;
    }
    *address = copy.as_ptr() as u64;
}

fn is_ours(address: u64, length: u64) -> bool {
    length > 0 && overlaps_region(address, length)
}

/// Whether a buffer of a vector reaches into our region.
fn is_ours_in_vector(address: u64, count: u64) -> bool {
    // Longer ones the kernel refuses.
    count <= MOST
        && (0..count).any(|index| {
            let at = address.wrapping_add(index * VECTOR);
            match (guest::read_u64(at), guest::read_u64(at.wrapping_add(8))) {
                (Some(base), Some(length)) => is_ours(base, length),
                _ => false,
            }
        })
}

/// Whether a `struct msghdr` names memory of ours.
fn is_ours_in_message(address: u64) -> bool {
    let mut bytes = [0u8; 56];
    if !guest::read(address, &mut bytes) {
        return false;
    }
    let word = |index: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&bytes[8 * index..8 * index + 8]);
        u64::from_le_bytes(word)
    };
    let (name, name_length) = (word(0), word(1) & 0xffff_ffff);
    let (vector, count) = (word(2), word(3));
    let (control, control_length) = (word(4), word(5));
    is_ours(name, name_length)
        || is_ours(control, control_length)
        || is_ours(vector, count.min(MOST) * VECTOR)
        || is_ours_in_vector(vector, count)
}
