//! Why a trace cannot be read.

use std::fmt;
use std::io;
use std::path::PathBuf;

use reenact_files::FileError;

/// Each message is one sentence for a person.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is nothing at this path.
    Missing { path: PathBuf },
    /// The path is not a trace directory.
    NotATrace { path: PathBuf },
    /// The trace was written by a newer release.
    NewerVersion { found: u64, supported: u32 },
    /// `manifest.json` cannot be understood.
    DamagedManifest { path: PathBuf, reason: String },
    /// A kept file is not as it was recorded.
    ChangedFile {
        name: String,
        original: String,
        how: &'static str,
    },
    /// A file of the trace is not what a recording makes.
    Refused(FileError),
    /// A file of the trace cannot be read.
    Unreadable { path: PathBuf, error: io::Error },
    /// A chunk of the log is damaged; the events in it are lost.
    DamagedChunk {
        process: u32,
        first_event: u64,
        offset: u64,
    },
    /// Chunks are missing before this event.
    Gap {
        process: u32,
        expected: u64,
        found: u64,
    },
    /// The trace has no such process.
    NoSuchProcess { process: u32 },
}

impl StoreError {
    /// A short stable name for programs.
    pub fn kind(&self) -> &'static str {
        use StoreError::*;
        match self {
            Missing { .. } => "trace-missing",
            NotATrace { .. } => "not-a-trace",
            NewerVersion { .. } => "newer-version",
            DamagedManifest { .. } => "damaged-manifest",
            ChangedFile { .. } => "changed-file",
            Refused(_) | Unreadable { .. } => "unreadable",
            DamagedChunk { .. } => "damaged-chunk",
            Gap { .. } => "gap",
            NoSuchProcess { .. } => "no-such-process",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use StoreError::*;
        match self {
            Missing { path } => write!(f, "there is no trace at {}", path.display()),
            NotATrace { path } => {
                write!(f, "{} is not a trace: it has no manifest.json and events", path.display())
            }
            NewerVersion { found, supported } => write!(
                f,
                "the trace has format version {found}, this release reads up to {supported}; install a newer reenact"
            ),
            DamagedManifest { path, reason } => {
                write!(f, "{} is damaged: {reason}", path.display())
            }
            ChangedFile { name, original, how } => write!(
                f,
                "the trace's copy of {original} ({name}) {how} since it was recorded"
            ),
            Refused(error) => error.fmt(f),
            Unreadable { path, error } => write!(f, "{} cannot be read: {error}", path.display()),
            DamagedChunk { process, first_event, offset } => write!(
                f,
                "the log is damaged at byte {offset}: events of process {process} from {first_event} on are lost"
            ),
            Gap { process, expected, found } => write!(
                f,
                "the log is damaged: events {expected} to {} of process {process} are lost",
                found.saturating_sub(1)
            ),
            NoSuchProcess { process } => write!(f, "the trace has no process {process}"),
        }
    }
}

impl std::error::Error for StoreError {}
