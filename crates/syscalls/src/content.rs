//! Which bytes of the program go out with a call, to files, pipes and sockets.

use crate::access::{read_words, Memory};
use crate::traits::Content;

/// The kernel refuses longer arrays of buffers (`UIO_MAXIOV`).
const MOST_BUFFERS: u64 = 1024;
/// `struct iovec`.
const VECTOR: u64 = 16;

impl Content {
    /// Whether bytes go out with the call.
    pub const fn gives_out(self) -> bool {
        !matches!(self, Content::Unchanged | Content::Resize(_))
    }

    /// Tell the ranges (address and bytes, in order) that the first `length` bytes of what a call gives come from.
    /// None for what never was in the program's memory, or comes from more places than one.
    pub fn ranges(
        self,
        args: &[u64; 6],
        length: u64,
        memory: &impl Memory,
        mut range: impl FnMut(u64, u64),
    ) {
        let arg = |index: u8| args[usize::from(index)];
        match self {
            Content::Buffer { buffer, .. } => range(arg(buffer), length),
            Content::Vector { pointer, count, .. } => {
                buffers(arg(pointer), arg(count), length, memory, &mut range);
            }
            Content::Message { message, .. } => {
                // struct msghdr: name and its size, array of buffers and their number.
                if let Some([_, _, vector, count]) = read_words(arg(message), memory) {
                    buffers(vector, count, length, memory, &mut range);
                }
            }
            Content::Unchanged | Content::Transfer { .. } | Content::Resize(_) => {}
        }
    }
}

fn buffers(
    vector: u64,
    count: u64,
    length: u64,
    memory: &impl Memory,
    range: &mut impl FnMut(u64, u64),
) {
    let mut left = length;
    for index in 0..count.min(MOST_BUFFERS) {
        let entry = vector.wrapping_add(index * VECTOR);
        let Some([start, length]) = read_words(entry, memory) else {
            return;
        };
        let length = length.min(left);
        if length > 0 {
            range(start, length);
        }
        left -= length;
    }
}
