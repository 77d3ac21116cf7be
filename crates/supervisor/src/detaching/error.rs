//! Everything that keeps a process in the recorder.

use std::fmt;
use std::io;

use reenact_trace::detaching::obstacle;

use crate::reason::Reason;

/// Why a process cannot be led out of a recording.
#[derive(Debug)]
pub enum DetachError {
    NoProcess {
        pid: libc::pid_t,
    },
    /// There is no recorder in it.
    NotRecorded {
        pid: libc::pid_t,
    },
    /// For what the recorder in it says ([`obstacle`]).
    Obstacle {
        pid: libc::pid_t,
        why: u64,
    },
    /// This thread does not come back to the program.
    Stays {
        pid: libc::pid_t,
        tid: libc::pid_t,
        /// Where it waits in the kernel, if that is told.
        place: String,
    },
    /// Whoever records it does not let it go.
    StillRecorded {
        pid: libc::pid_t,
    },
    NotPermitted {
        pid: libc::pid_t,
        error: io::Error,
    },
    Failed {
        pid: libc::pid_t,
        what: &'static str,
        error: io::Error,
    },
}

impl fmt::Display for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DetachError::NoProcess { pid } => write!(f, "there is no process {pid}"),
            DetachError::NotRecorded { pid } => write!(f, "process {pid} is not recorded"),
            DetachError::Obstacle { pid, why } => {
                write!(
                    f,
                    "process {pid} goes on unrecorded, with the recorder in it: {}",
                    told(*why)
                )
            }
            DetachError::Stays { pid, tid, place } => {
                write!(f, "process {pid} goes on unrecorded, with the recorder in it: its thread {tid} does not come back from the kernel")?;
                if place.is_empty() {
                    return Ok(());
                }
                write!(f, " ({place})")
            }
            DetachError::StillRecorded { pid } => write!(
                f,
                "process {pid} is no longer recorded, but whoever has recorded it does not let it go"
            ),
            DetachError::NotPermitted { pid, error } => {
                write!(
                    f,
                    "process {pid} may not be detached from: {}",
                    Reason(error)
                )
            }
            DetachError::Failed { pid, what, error } => {
                write!(
                    f,
                    "process {pid} goes on unrecorded, with the recorder in it: {what}: {}",
                    Reason(error)
                )
            }
        }
    }
}

fn told(why: u64) -> &'static str {
    match why {
        obstacle::FILTER => {
            "this kernel has no dispatch of system calls, and the filter that traps them cannot be taken away"
        }
        obstacle::LOADED => "it was started by the recording, which has loaded its program",
        obstacle::COMPANIONS => "another process runs in its memory (vfork)",
        obstacle::TRACING => "it traces a process, or is traced",
        obstacle::REQUESTS => "it has contexts of asynchronous I/O (io_setup) that the recorder has made",
        obstacle::RECORDED => "it is recorded",
        obstacle::PLACE_TAKEN => "something else is mapped where its vDSO was",
        _ => "its recorder is of another version",
    }
}

impl DetachError {
    /// What a person can do about it; empty where the message says it.
    pub fn hint(&self) -> &'static str {
        match self {
            DetachError::NotPermitted { .. } => {
                "it needs the permission that gdb needs: its user or root, and as /proc/sys/kernel/yama/ptrace_scope allows"
            }
            DetachError::StillRecorded { .. } => {
                "see what it says at its end; when it has ended, try again: reenact detach PID"
            }
            DetachError::Stays { .. }
            | DetachError::Obstacle {
                why: obstacle::COMPANIONS | obstacle::TRACING | obstacle::REQUESTS,
                ..
            } => "try again when that is over: reenact detach PID",
            _ => "",
        }
    }
}
