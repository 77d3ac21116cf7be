//! Landings that were found before: by another replay, or by another process of this one. Whoever
//! finds one appends it.
//!
//! Design constraints:
//! * What the client gives us is a file in memory with what the trace's file `landings` holds; it
//!   takes over what is new. The trace itself cannot be written from here.
//! * There are only reads at offsets and appending writes of whole records, so that any number of
//!   processes can share it: the copies of a session learn from one another.
//! * What the file says is only a place to look at: the whole state is compared there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use reenact_trace::resolved::{self, Resolved, MOST_BYTES};

use crate::system;

/// What is known of the landings of one process.
pub struct Landings {
    descriptor: Option<i32>,
    process: u32,
    /// Where in the file to read on, and what came before that is no whole record yet.
    offset: u64,
    unfinished: Vec<u8>,
    /// Instructions by process, event and its time, of all processes: a copy may become another.
    known: BTreeMap<(u32, u64, u64), u64>,
    /// Landings passed by this process, and how many of them had to be searched for.
    pub passed: u64,
    pub searched: u64,
}

impl Landings {
    pub fn new(descriptor: Option<i32>, process: u32) -> Landings {
        Landings {
            descriptor,
            process,
            offset: 0,
            unfinished: Vec::new(),
            known: BTreeMap::new(),
            passed: 0,
            searched: 0,
        }
    }

    /// This is now another process.
    pub fn begin_process(&mut self, process: u32) {
        self.process = process;
        (self.passed, self.searched) = (0, 0);
    }

    /// Instructions between the event before a landing and the landing, if somebody has found it.
    /// `event` and `time` are those of the landing.
    pub fn find(&mut self, event: u64, time: u64) -> Option<u64> {
        self.passed += 1;
        self.read_on();
        self.known.get(&(self.process, event, time)).copied()
    }

    /// A landing was searched for and found.
    pub fn found(&mut self, event: u64, time: u64, instructions: u64) {
        self.searched += 1;
        let resolved = Resolved {
            process: self.process,
            event,
            time,
            instructions,
        };
        if let Some(descriptor) = self.descriptor.filter(|_| self.offset < MOST_BYTES) {
            // No room on the disk: the next replay searches again.
            let _ = system::write_all(descriptor, &resolved.to_bytes());
        }
    }

    fn read_on(&mut self) {
        let Some(descriptor) = self.descriptor else {
            return;
        };
        let mut buffer = [0u8; 4096];
        while self.offset < MOST_BYTES {
            let count = system::read_at(descriptor, &mut buffer, self.offset).unwrap_or(0);
            if count == 0 {
                return;
            }
            self.offset += count as u64;
            self.unfinished.extend_from_slice(&buffer[..count]);
            let known = &mut self.known;
            let done = resolved::read(&self.unfinished, |resolved| {
                let key = (resolved.process, resolved.event, resolved.time);
                known.insert(key, resolved.instructions);
            });
            self.unfinished.drain(..done);
        }
    }
}
