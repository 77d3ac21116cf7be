//! Everything that keeps a process from being attached to.

use std::fmt;
use std::io;

use crate::reason::Reason;

/// Why a process cannot be attached to.
#[derive(Debug)]
pub enum AttachError {
    NoProcess {
        pid: libc::pid_t,
    },
    /// For a reason that needs no more words.
    Refused {
        pid: libc::pid_t,
        what: &'static str,
    },
    Traced {
        pid: libc::pid_t,
        by: String,
    },
    /// It is a thread, not the first one, of this process.
    Thread {
        pid: libc::pid_t,
        of: String,
    },
    /// All of its memory is another process's, too.
    Companion {
        pid: libc::pid_t,
        of: libc::pid_t,
    },
    /// It waits in the kernel for what no stop interrupts.
    DoesNotStop {
        pid: libc::pid_t,
    },
    /// It has memory in common with others.
    Shared {
        pid: libc::pid_t,
        name: String,
    },
    /// Fewer descriptors than are needed are free below its limit.
    NoDescriptors {
        pid: libc::pid_t,
        limit: i32,
    },
    /// Its address space has no room for the recorder (RLIMIT_AS, bytes).
    AddressSpace {
        pid: libc::pid_t,
        limit: u64,
    },
    NotPermitted {
        pid: libc::pid_t,
        error: io::Error,
    },
    /// It was given back.
    Failed {
        pid: libc::pid_t,
        what: &'static str,
        error: io::Error,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::NoProcess { pid } => write!(f, "there is no process {pid}"),
            AttachError::Refused { pid, what } => write!(f, "process {pid} {what}"),
            AttachError::Traced { pid, by } => {
                write!(f, "process {pid} is traced already, by process {by}")
            }
            AttachError::Thread { pid, of } => {
                write!(f, "{pid} is a thread of process {of}: all threads of a process are recorded together")
            }
            AttachError::Companion { pid, of } => write!(
                f,
                "process {pid} shares all its memory with process {of} (vfork), which is not supported yet"
            ),
            AttachError::DoesNotStop { pid } => write!(
                f,
                "process {pid} does not stop: it waits in the kernel, perhaps for a vfork child to go on alone"
            ),
            AttachError::Shared { pid, name } if name.is_empty() => {
                write!(
                    f,
                    "process {pid} has memory in common with others, which is not supported yet"
                )
            }
            AttachError::Shared { pid, name } => {
                write!(f, "process {pid} has {name} mapped in common with others, which is not supported yet")
            }
            AttachError::NoDescriptors { pid, limit } => write!(
                f,
                "process {pid} has no five descriptors free in a row below its limit of {limit}, which the recorder needs"
            ),
            AttachError::AddressSpace { pid, limit } => write!(
                f,
                "process {pid} has a limit of address space (`ulimit -v`, {} KiB) that leaves no room for the recorder",
                limit >> 10
            ),
            AttachError::NotPermitted { pid, error } => {
                write!(f, "process {pid} may not be attached to: {}", Reason(error))
            }
            AttachError::Failed { pid, what, error } => {
                write!(
                    f,
                    "process {pid} goes on unrecorded: {what}: {}",
                    Reason(error)
                )
            }
        }
    }
}

impl AttachError {
    /// What a person can do about it; empty where the message says it.
    pub fn hint(&self) -> &'static str {
        match self {
            AttachError::NotPermitted { .. } => {
                "it needs the permission that gdb needs: its user or root, and as /proc/sys/kernel/yama/ptrace_scope allows"
            }
            AttachError::Traced { .. } => "end that one first: a process has one tracer",
            AttachError::NoDescriptors { .. } => "raise it: prlimit --pid PID --nofile=N",
            AttachError::AddressSpace { .. } => "raise it: prlimit --pid PID --as=unlimited",
            AttachError::Thread { .. } => "attach to that process",
            AttachError::Companion { .. } | AttachError::DoesNotStop { .. } => {
                "attach when one of the two has ended, or executes another program"
            }
            _ => "",
        }
    }
}
