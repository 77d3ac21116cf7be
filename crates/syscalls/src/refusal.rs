//! Why a call is not performed.

use core::fmt;

/// What exactly is declined or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole call, by name.
    Call(&'static str),
    /// This `ioctl` request, with its name if it has one.
    Ioctl(u32, Option<&'static str>),
    /// This `fcntl` command.
    Fcntl(u32),
    /// This `prctl` option.
    Prctl(u32),
    /// Another call with this value of its command argument.
    Command(&'static str, u64),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Call(name) => f.write_str(name),
            Subject::Ioctl(_, Some(name)) => write!(f, "ioctl {name}"),
            Subject::Ioctl(request, None) => write!(f, "ioctl {request:#x}"),
            Subject::Fcntl(command) => write!(f, "fcntl command {command}"),
            Subject::Prctl(option) => write!(f, "prctl option {option:#x}"),
            Subject::Command(name, value) => write!(f, "{name} command {value:#x}"),
        }
    }
}

/// The call must not reach the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The program gets `-errno`, as on a kernel without the feature, and goes on.
    Declined {
        subject: Subject,
        errno: i32,
        reason: &'static str,
    },
    /// Cannot be recorded faithfully. If the recorder goes on all the same, `errno` is the
    /// answer that programs expect from a system that forbids or lacks it.
    Refused {
        subject: Subject,
        errno: i32,
        reason: &'static str,
    },
}

impl Refusal {
    /// The error number (positive) for the program.
    pub fn errno(&self) -> i32 {
        match self {
            Refusal::Declined { errno, .. } | Refusal::Refused { errno, .. } => *errno,
        }
    }

    pub fn subject(&self) -> Subject {
        match self {
            Refusal::Declined { subject, .. } | Refusal::Refused { subject, .. } => *subject,
        }
    }

    pub fn reason(&self) -> &'static str {
        match self {
            Refusal::Declined { reason, .. } | Refusal::Refused { reason, .. } => reason,
        }
    }

    /// Whether the program can go on as on a kernel without the feature.
    pub fn is_declined(&self) -> bool {
        matches!(self, Refusal::Declined { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_declined() {
            "declined"
        } else {
            "not supported"
        };
        write!(f, "{}: {what}: {}", self.subject(), self.reason())
    }
}
