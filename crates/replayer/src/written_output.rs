//! The bytes that a call gives to a file, a pipe or a socket, compared with those of the recording by their checksum.
//! Nothing else of the log tells that a program which does the same calls says the same.

use reenact_syscalls::{lookup, Content};
use reenact_trace::checksum::Checksum;
use reenact_trace::Tag;

use crate::feed::Group;
use crate::memory::Memory;

/// What of its bytes the event at hand gives out, from its row.
pub fn content(group: &Group<'_>) -> Content {
    let call = lookup(u64::from(group.event.header.code));
    call.map_or(Content::Unchanged, |call| call.content)
}

/// Whether the bytes in memory are those that were written. Before the event takes effect.
pub fn is_recorded(group: &Group<'_>, memory: &Memory) -> bool {
    // To make a large buffer costs more than the checksum of the few bytes that most calls give out.
    const SHORT: u64 = 512;
    let (Some(recorded), Ok(length)) = (
        group.find(Tag::Output),
        u64::try_from(group.event.header.result),
    ) else {
        return true;
    };
    let found = if length <= SHORT {
        checksum_by_pieces::<{ SHORT as usize }>(group, length, memory)
    } else {
        checksum_by_pieces::<4096>(group, length, memory)
    };
    found == recorded.address
}

fn checksum_by_pieces<const PIECE: usize>(group: &Group<'_>, length: u64, memory: &Memory) -> u64 {
    let mut checksum = Checksum::default();
    let mut piece = [0u8; PIECE];
    content(group).ranges(
        &{ group.event.header.args },
        length,
        memory,
        |address, length| {
            let mut done = 0;
            while done < length {
                let part = (length - done).min(PIECE as u64);
                let bytes = &mut piece[..part as usize];
                if memory.read(address.wrapping_add(done), bytes).is_err() {
                    return;
                }
                checksum.add(bytes);
                done += part;
            }
        },
    );
    checksum.finish()
}
