//! Snapshots: the state of a process behind one of its events, in records as those of a log.
//!
//! A snapshot is a sequence of `Data` records, ended by a [`crate::EventKind::Snapshot`]. Their attachments, in this order:
//! * `Map` for each mapping, flags: [`mapping`];
//! * `Write`: what memory holds that is neither zero nor, in a mapping of a file, what the file has; `ObjectWrite` and
//!   `ObjectZero`: what objects hold where they are mapped shared;
//! * `Patch`: what the recorder wrote over code, where it is still there; `Translated`; `Detour`s;
//! * `Processor`, where the thread stays on one;
//! * `Thread` for each thread, and `Vectors` behind it; the running one first, then parents of vfork children, the
//!   innermost last, then the others;
//! * `ThreadFile`s.
//!
//! The header of the last record:
//! * `tid` of the thread that runs, `flags`: [`running`];
//! * `code`, `result` and `args[0]` (its kind): of the event that the state is behind; `time` too;
//! * `args[1]` instructions of the process so far, or [`NOT_COUNTED`];
//! * `args[2]` the program break, or 0;
//! * `args[3]` how many mappings without a file this process and its ancestors have shared;
//! * `args[4]` the first thread of the process;
//! * `args[5]` its turn among processes that share memory ([`turn_word`]), or 0: whoever else shares this memory has only later
//!   ones, and what was before is in the snapshot;
//! * `register_checksum` of all attachments but `Translated` and flags, and of `args` but the instructions: two replays that agree
//!   have the same one. 0 where the recorded process wrote it (`crates/recorder/src/snapshot`), which does not know all of that.
//!
//! A log may begin with one. Its chunks in the file `events` have the landmark [`crate::chunk::landmark::BEGINNING`]; their
//! first one, with the landmark of a process start, holds the `ProcessStart` of the process, and `Data` with the `Path`s, `Argv`,
//! `Envp` and `Auxv` of the program that it runs. The log goes on behind the event that the state is behind: what a chunk has
//! of earlier ones counts for nothing. Where there is no snapshot but the `ProcessStart` alone, an `ImageBegin` follows, which
//! needs nothing of what was before.
//!
//! In the file `snapshots` each chunk holds records of one snapshot, in order; its `first_event` is the index of the event
//! that the state is behind, and the last one has the landmark [`crate::chunk::landmark::SNAPSHOT`].

/// In place of a number of instructions: not all of them were counted.
pub const NOT_COUNTED: u64 = u64::MAX;

/// Bytes of a thread's name.
pub const NAME_SIZE: usize = 16;

/// A turn as a word: group and number.
pub const fn turn_word(group: u64, number: u64) -> u64 {
    number << 8 | group & 0xff
}

/// Group and number of a turn's word; `None` for 0.
pub const fn turn_of_word(word: u64) -> Option<(u64, u64)> {
    match word {
        0 => None,
        word => Some((word & 0xff, word >> 8)),
    }
}

/// Why a recorded process takes no snapshot.
pub mod obstacle {
    pub const NONE: u32 = 0;
    /// It has memory that others have, too, or more of it than a snapshot can hold.
    pub const SHARED_MEMORY: u32 = 1;
    /// Another process runs in its memory (a child of vfork, `CLONE_VM`).
    pub const COMPANIONS: u32 = 2;
    /// It runs in turns with processes that share its memory.
    pub const TURNS: u32 = 3;
    /// It traces or is traced.
    pub const PTRACE: u32 = 4;
    /// A copy would not be like it: children begin in another pid namespace, or threads wait for children of all kinds.
    pub const CHILDREN_DIFFER: u32 = 5;
}

/// Flags of a `Map`.
pub mod mapping {
    /// A forked child does not have it.
    pub const LEFT_OUT: u16 = 1;
    /// A forked child has zeros there.
    pub const WIPED: u16 = 2;
}

/// Flags of a `Thread`.
pub mod role {
    /// It runs; registers and vectors are its own, or of the child to come of a vfork, whose number is not known yet.
    pub const RUNNING: u16 = 1;
    /// It waits for its vfork child.
    pub const VFORK_PARENT: u16 = 2;
    /// It is a process of its own in this memory.
    pub const COMPANION: u16 = 4;
}

/// Flags of the last record.
pub mod running {
    /// No thread has begun to run since a vfork.
    pub const NOBODY: u8 = 1;
    /// The running thread has ended.
    pub const ENDED: u8 = 2;
    /// It steps itself, and is trapped before it goes on.
    pub const STEPPED: u8 = 4;
}
