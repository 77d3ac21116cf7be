//! Landings that were found before: by another replay (the trace's file `landings`), or by another
//! process of this one. Whoever finds one appends it.
//!
//! Design constraints:
//! * The descriptor is opened before the sandbox is entered; afterwards there are only reads at
//!   offsets and appending writes of whole records, so that any number of processes can share it.
//! * Where the trace cannot be written, a file in memory takes its place: the copies of a session
//!   still learn from one another.
//! * What the file says is only a place to look at: the whole state is compared there.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ffi::CStr;

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall2, syscall3};
use reenact_trace::resolved::{self, Resolved, MOST_BYTES};

use crate::regular_file;
use crate::system;

const NAME: &CStr = c"landings";
const O_APPEND: u64 = 0o2000;
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Open it in a trace directory. `None`: nothing can be kept.
pub fn open(directory: i32) -> Option<i32> {
    let writable = regular_file::open_regular(directory, NAME, n::O_RDWR | O_APPEND);
    if let Some(file) = writable.filter(|file| file.links == 1) {
        return Some(file.descriptor);
    }
    let memory = in_memory()?;
    if let Some(file) = regular_file::open_regular(directory, NAME, n::O_RDONLY) {
        copy(file.descriptor, memory);
    }
    Some(memory)
}

fn in_memory() -> Option<i32> {
    const MFD_CLOEXEC: u64 = 1;
    const F_SETFL: u64 = 4;
    // SAFETY: a name of ours; the flags of the new descriptor.
    unsafe {
        let memory = syscall2(n::MEMFD_CREATE, NAME.as_ptr() as u64, MFD_CLOEXEC);
        let is_made = memory >= 0 && syscall3(n::FCNTL, memory as u64, F_SETFL, O_APPEND) == 0;
        is_made.then_some(memory as i32)
    }
}

fn copy(from: i32, to: i32) {
    let mut buffer = alloc::vec![0u8; PIECE];
    let mut offset = 0;
    while offset < MOST_BYTES {
        let count = system::read_at(from, &mut buffer, offset).unwrap_or(0);
        if count == 0 || system::write_all(to, &buffer[..count]).is_err() {
            return;
        }
        offset += count as u64;
    }
}

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
