//! Requests and replies as bytes (docs/internals/control-protocol.md). Pure.

use alloc::vec::Vec;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Run,
    ReadRegisters,
    WriteRegisters,
    ReadMemory,
    WriteMemory,
    Fork,
    Mappings,
    Threads,
    History,
    Breakpoints,
    State,
    Interrupt,
    RunFree,
    Watches,
    Checksum,
    Conditions,
    Evaluate,
    Collect,
    Collected,
    MapMemory,
    ThreadNames,
    Hits,
}

impl Operation {
    pub fn from_u32(value: u32) -> Option<Operation> {
        use Operation::*;
        Some(match value {
            1 => Run,
            2 => ReadRegisters,
            3 => WriteRegisters,
            4 => ReadMemory,
            5 => WriteMemory,
            6 => Fork,
            7 => Mappings,
            8 => Threads,
            9 => History,
            10 => Breakpoints,
            11 => State,
            12 => Interrupt,
            13 => RunFree,
            14 => Watches,
            15 => Checksum,
            16 => Conditions,
            17 => Evaluate,
            18 => Collect,
            19 => Collected,
            20 => MapMemory,
            21 => ThreadNames,
            22 => Hits,
            _ => return None,
        })
    }
}

/// Why the replay stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    Start = 0,
    Target = 1,
    Steps = 2,
    Limit = 3,
    Breakpoint = 4,
    /// The next step touches watched memory.
    Watch = 5,
    Catch = 6,
    Interrupted = 7,
    End = 8,
    Failed = 9,
    /// The target does not exist: an event came first.
    Beyond = 10,
    /// What a run in a branch came to; the detail says.
    Free = 11,
    /// Watched memory has been accessed, and a condition that is asked behind that holds.
    Watched = 12,
    /// The client has to take what was collected.
    Collected = 13,
    /// So many hits at the beginning of a run that it pays to look for them otherwise.
    Many = 14,
}

/// The kinds of replies.
pub mod reply {
    pub const STOP: u32 = 1;
    pub const DATA: u32 = 2;
    pub const REFUSED: u32 = 3;
}

/// Takes a request apart.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// The next word; 0 when the request is too short.
    pub fn u64(&mut self) -> u64 {
        let Some((word, rest)) = self.bytes.split_first_chunk() else {
            self.bytes = &[];
            return 0;
        };
        self.bytes = rest;
        u64::from_le_bytes(*word)
    }

    /// Whether there is another whole word.
    pub fn has_word(&self) -> bool {
        self.bytes.len() >= 8
    }

    /// So many bytes; `None` when there are not so many.
    pub fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let length = usize::try_from(length).ok()?;
        let (bytes, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(bytes)
    }

    pub fn rest(self) -> &'a [u8] {
        self.bytes
    }
}

/// Begin a reply; the tag is that of the request it answers.
pub fn begin(out: &mut Vec<u8>, kind: u32, tag: u32) {
    out.clear();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&tag.to_le_bytes());
}
