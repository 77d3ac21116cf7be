//! What a recording came to.

use std::path::PathBuf;

/// How the first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It called exit with this status.
    Exited(i32),
    /// This signal ended it.
    Signaled(i32),
}

impl Ending {
    /// From a status as `wait4` gives it.
    pub fn from_wait_status(status: i32) -> Ending {
        if libc::WIFSIGNALED(status) {
            Ending::Signaled(libc::WTERMSIG(status))
        } else {
            Ending::Exited(libc::WEXITSTATUS(status))
        }
    }
}

/// Summary of a recording.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub trace: PathBuf,
    pub ending: Ending,
    /// Status of the first process as `wait4` gave it.
    pub wait_status: i32,
    /// We ended it because it ran longer than [`crate::RecordOptions::timeout`].
    pub timed_out: bool,
    /// Ctrl-C was pressed meanwhile (the program may have handled it).
    pub interrupted: bool,
    /// Processes recorded.
    pub processes: u32,
    /// Events recorded, over all processes.
    pub events: u64,
    /// Bytes of the log on disk (without the kept files).
    pub bytes: u64,
    /// Bytes of the log before compression.
    pub raw_bytes: u64,
    /// Duration of the recording in nanoseconds.
    pub duration_ns: u64,
    /// What a person should know: refused things, lost parts. No duplicates.
    pub messages: Vec<String>,
    /// Whether there is a trace: a ring may not have been saved.
    pub saved: bool,
    /// The most bytes that a ring has held; 0: there was none.
    pub ring_bytes: u64,
    /// Everything until the end of every recorded process is in the trace.
    pub complete: bool,
}
