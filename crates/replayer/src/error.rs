//! Why a replay cannot go on, apart from divergences.

use core::fmt;

use crate::feed_error::FeedError;
use crate::low_memory;

/// Every way in which a trace can be unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// The log cannot be read on.
    Feed(FeedError),
    /// A mapping of the log is outside what a program can have.
    BadMapping { address: u64, length: u64 },
    /// The kernel refuses a mapping that the recorded program had.
    MappingRefused {
        address: u64,
        length: u64,
        errno: i32,
    },
    /// A mapped file is not in the trace.
    FileMissing(u32),
    /// The log writes to memory the program does not have.
    NotMapped { address: u64, length: u64 },
    /// Memory that should be there cannot be written or read.
    Inaccessible(u64),
    /// An event lacks something, or comes where it cannot.
    BadEvent(&'static str),
    /// An event of a thread that does not exist.
    UnknownThread(u32),
    /// There is nothing of the log of a process.
    ProcessMissing(u32),
    /// Something a later version may support.
    Unsupported(&'static str),
    /// A file of snapshots that is not as a replay leaves it.
    Snapshots(&'static str),
    /// The kernel does not let us fork.
    ForkRefused(i32),
}

impl ReplayError {
    /// What the person can do about it.
    pub fn hint(self) -> &'static str {
        match self {
            ReplayError::Unsupported(_) => "use a newer version of reenact to replay this trace",
            ReplayError::FileMissing(_) => {
                "the trace directory is incomplete: copy all of it, with the folder `files`"
            }
            ReplayError::Snapshots(_) => "make them again: reenact index TRACE",
            ReplayError::MappingRefused { address, .. } if low_memory::contains(address) => {
                "memory at the lowest addresses is root's alone: replay as root, or set vm.mmap_min_addr to 0"
            }
            ReplayError::MappingRefused { .. } | ReplayError::ForkRefused(_) => {
                "look at the limits of this machine (memory, vm.overcommit_memory, processes)"
            }
            _ => "the trace is damaged from here on; what comes before can be replayed",
        }
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ReplayError::Feed(error) => out.write_str(error.message()),
            ReplayError::BadMapping { address, length } => {
                write!(
                    out,
                    "the log maps {length:#x} bytes at {address:#x}, where no program can"
                )
            }
            ReplayError::MappingRefused {
                address,
                length,
                errno,
            } => write!(
                out,
                "the kernel refuses to map {length:#x} bytes at {address:#x} (error {errno})"
            ),
            ReplayError::FileMissing(id) => write!(out, "file {id} is not in the trace"),
            ReplayError::NotMapped { address, length } => write!(
                out,
                "the log writes {length} bytes at {address:#x}, where the program has no memory"
            ),
            ReplayError::Inaccessible(address) => {
                write!(out, "memory at {address:#x} cannot be accessed")
            }
            ReplayError::BadEvent(what) => write!(out, "the event makes no sense: {what}"),
            ReplayError::UnknownThread(tid) => {
                write!(out, "the event is of thread {tid}, which does not exist")
            }
            ReplayError::ProcessMissing(process) => {
                write!(out, "the log of process {process} is not in the trace")
            }
            ReplayError::Unsupported(what) => write!(out, "not supported: {what}"),
            ReplayError::Snapshots(what) => write!(out, "no snapshots to replay from: {what}"),
            ReplayError::ForkRefused(errno) => {
                write!(out, "the replayer cannot fork (error {errno})")
            }
        }
    }
}

impl From<FeedError> for ReplayError {
    fn from(error: FeedError) -> ReplayError {
        ReplayError::Feed(error)
    }
}
