//! Output frames: what the program wrote to the standard output and error of the recording.

use alloc::vec::Vec;

use reenact_trace::event::flags;
use reenact_trace::Tag;

use crate::feed::Group;
use crate::json::MOST_LINE;
use crate::memory::Memory;
use crate::system;
use crate::written_output;

const MAGIC: u32 = 0x6f72_6e72;
const HEADER: usize = 40;
/// Bytes that the kernel writes in one call at most (MAX_RW_COUNT in include/linux/fs.h).
const MOST_WRITTEN: u64 = 0x7fff_f000;
/// Bytes of output in one frame.
const MOST_BYTES: usize = MOST_LINE - HEADER;

/// Send what the event wrote, if it did; after the event took effect.
pub fn send(descriptor: i32, process: u32, group: &Group<'_>, memory: &Memory) {
    let header = &group.event.header;
    let stream = match header.flags & (flags::STDOUT | flags::STDERR) {
        flags::STDOUT => 1,
        flags::STDERR => 2,
        _ => return,
    };
    let Ok(written) = u64::try_from(header.result) else {
        return;
    };
    // A result beyond it is made up, and could stand for terabytes of output.
    let left = written.min(MOST_WRITTEN);
    let mut frame = Frame {
        descriptor,
        process,
        stream,
        sequence: group
            .find(Tag::Sequence)
            .map_or(u64::MAX, |attachment| attachment.address),
        event: group.index,
        offset: 0,
        bytes: Vec::new(),
    };
    let content = written_output::content(group);
    content.ranges(&{ header.args }, left, memory, |address, length| {
        frame.add(memory, address, length);
    });
    frame.flush();
}

struct Frame {
    descriptor: i32,
    process: u32,
    stream: u32,
    sequence: u64,
    event: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl Frame {
    fn add(&mut self, memory: &Memory, mut address: u64, mut length: u64) {
        while length > 0 {
            let room = MOST_BYTES - self.bytes.len();
            let piece = (room as u64).min(length) as usize;
            let start = self.bytes.len();
            self.bytes.resize(start + piece, 0);
            if memory.read(address, &mut self.bytes[start..]).is_err() {
                self.bytes.truncate(start);
                return;
            }
            address += piece as u64;
            length -= piece as u64;
            if self.bytes.len() == MOST_BYTES {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let mut frame = Vec::with_capacity(HEADER + self.bytes.len());
        for word in [MAGIC, self.process, self.stream, self.bytes.len() as u32] {
            frame.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.sequence, self.event, self.offset] {
            frame.extend_from_slice(&word.to_le_bytes());
        }
        frame.extend_from_slice(&self.bytes);
        // A reader that went away is noticed at the next report.
        let _ = system::write_all(self.descriptor, &frame);
        self.offset += self.bytes.len() as u64;
        self.bytes.clear();
    }
}
