//! The trace format of reenact.
//!
//! Design constraints:
//! * `no_std`, no allocation: the recorder lives inside somebody else's process.
//! * Pure: bytes in, values out. No function here performs I/O.
//! * Never panics on damaged input: every reader returns `Option`/`Result`.
//! * Little-endian, 8-byte aligned records, so that a writer can copy structures.
#![no_std]

pub mod arena;
pub mod attaching;
pub mod attachment;
pub mod binfmt_misc;
pub mod checksum;
pub mod chunk;
pub mod chunk_scan;
pub mod detaching;
pub mod event;
mod file_identity;
pub mod filter_pool;
pub mod identifiers;
pub mod layout;
pub mod ptrace;
pub mod registers;
pub mod resolved;
pub mod sharing;
pub mod site;
pub mod snapshot;
pub mod undetermined;
pub mod vectors;

pub use attachment::{Attachment, MapRecord, Tag};
pub use event::{Event, EventHeader, EventKind, Events};
pub use file_identity::{FileIdentity, CACHE_NAME_LENGTH};
pub use identifiers::{EventIndex, FileId};
pub use registers::Registers;

/// Newest version of the trace format that this release reads: some log begins later than its process
/// ([`chunk::landmark::BEGINNING`]).
pub const FORMAT_VERSION: u32 = 2;
/// Version of traces in which every log begins with its process: older releases read them, too.
pub const WHOLE_VERSION: u32 = 1;
