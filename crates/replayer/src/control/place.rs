//! Where the replay stands, and why; and the last places where it would have stopped.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::message::Reason;

/// A place where the replay has stopped, or would have.
#[derive(Clone, Copy, Debug)]
pub struct StopPoint {
    pub reason: Reason,
    pub event: u64,
    /// [`crate::machine::UNCOUNTED`]: that is not known, and nothing can go on from here.
    pub instructions: u64,
    /// How far apart places are: instructions, and what stands for those that were not counted.
    pub work: u64,
    pub tid: u32,
    /// By reason: address of the breakpoint, or kind and code of the event.
    pub detail: [u64; 2],
}

impl StopPoint {
    /// Bytes in a reply.
    pub const SIZE: usize = 48;

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.reason as u32).to_le_bytes());
        out.extend_from_slice(&self.tid.to_le_bytes());
        for word in [self.event, self.instructions, self.work] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for word in self.detail {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// The last hits of a run, in order, as many as fit into one reply.
#[derive(Default)]
pub struct Listed {
    places: VecDeque<StopPoint>,
}

impl Listed {
    /// How many are kept.
    pub const MOST: usize = 1024;

    pub fn add(&mut self, place: StopPoint) {
        if self.places.len() == Listed::MOST {
            self.places.pop_front();
        }
        self.places.push_back(place);
    }

    pub fn clear(&mut self) {
        self.places.clear();
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        for place in &self.places {
            place.write(out);
        }
    }
}
