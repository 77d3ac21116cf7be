//! Everything that can keep a recording from starting.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::attaching::AttachError;
use crate::reason::Reason;

/// Why nothing was recorded. Each message is one sentence for a person.
#[derive(Debug)]
#[non_exhaustive]
pub enum SupervisorError {
    /// No command was given.
    EmptyCommand,
    /// The command is not in PATH, or the file does not exist.
    CommandNotFound { command: String },
    /// The command is a directory.
    IsDirectory { path: PathBuf },
    /// The file exists but may not be executed.
    NotExecutable { path: PathBuf, error: io::Error },
    /// The file is neither an ELF program nor a script.
    NotAProgram { path: PathBuf },
    /// A 32-bit program.
    ThirtyTwoBit { path: PathBuf },
    /// A program of another architecture; `machine` is its ELF machine number.
    ForeignArchitecture { path: PathBuf, machine: u16 },
    /// An ELF program whose headers the kernel could not read.
    Damaged { path: PathBuf },
    /// The dynamic linker that a program names is missing.
    NoLinker { path: PathBuf, linker: PathBuf },
    /// The kernel hands the file to an interpreter by a rule of binfmt_misc.
    Interpreted { path: PathBuf, interpreter: PathBuf },
    /// A program that would gain privileges (set-user-id, set-group-id, file capabilities).
    Privileged { path: PathBuf },
    /// The first line of a script cannot be followed.
    BadScript { path: PathBuf, reason: &'static str },
    /// An argument or environment string holds a NUL byte or is too long.
    BadArgument { what: &'static str },
    /// The trace directory exists and is not empty.
    TraceExists { path: PathBuf },
    /// The trace directory or a file in it cannot be written.
    Trace { path: PathBuf, error: io::Error },
    /// We are being recorded ourselves.
    Nested,
    /// There is no /proc, which tells the paths of mapped files and much else.
    NoProc,
    /// The limit of address space, in bytes, leaves no room for what a recording maps.
    AddressSpace { limit: u64 },
    /// The recorder program is missing or unreadable.
    Recorder { path: PathBuf, error: io::Error },
    /// The kernel offers no way, or not the wanted one, to catch system calls.
    NoMechanism { lacks: &'static str },
    /// A process that runs cannot be attached to.
    Attach(AttachError),
    /// Shared memory, descriptors or processes are refused by the system.
    System {
        what: &'static str,
        error: io::Error,
    },
}

impl SupervisorError {
    /// A short stable name for programs.
    pub fn kind(&self) -> &'static str {
        use SupervisorError::*;
        match self {
            EmptyCommand => "empty-command",
            CommandNotFound { .. } => "command-not-found",
            IsDirectory { .. } => "is-directory",
            NotExecutable { .. } => "not-executable",
            NotAProgram { .. } => "not-a-program",
            Damaged { .. } => "damaged-program",
            NoLinker { .. } => "no-linker",
            Interpreted { .. } => "interpreted",
            ThirtyTwoBit { .. } => "thirty-two-bit",
            ForeignArchitecture { .. } => "foreign-architecture",
            Privileged { .. } => "privileged",
            BadScript { .. } => "bad-script",
            BadArgument { .. } => "bad-argument",
            TraceExists { .. } => "trace-exists",
            Trace { .. } => "trace-not-writable",
            Nested => "nested",
            NoProc => "no-proc",
            AddressSpace { .. } => "address-space",
            Recorder { .. } => "recorder-missing",
            NoMechanism { .. } => "no-mechanism",
            Attach(_) => "attach",
            System { .. } => "system",
        }
    }

    /// What a person can do about it; empty where the message says it.
    pub fn hint(&self) -> &'static str {
        use SupervisorError::*;
        match self {
            Attach(error) => error.hint(),
            CommandNotFound { .. } => "check the spelling, or give the path of the program",
            IsDirectory { .. } => "name a program inside it",
            NotExecutable { .. } => {
                "make it executable (chmod +x), or record its interpreter with it"
            }
            NotAProgram { .. } => {
                "for a shell script without a #! line: reenact record -- sh SCRIPT"
            }
            Damaged { .. } => "build or install it again",
            NoLinker { .. } => "install what it needs, or link it statically",
            Interpreted { .. } => {
                "record the interpreter itself: reenact record -- INTERPRETER FILE"
            }
            ThirtyTwoBit { .. } | ForeignArchitecture { .. } => "build the program for x86-64",
            Privileged { .. } => {
                "record it as the user it would become, for example from a root shell"
            }
            BadScript { .. } => {
                "correct its first line, or record its interpreter: INTERPRETER SCRIPT"
            }
            TraceExists { .. } => {
                "choose another place with -o TRACE, or remove it: reenact rm TRACE"
            }
            Trace { .. } => "choose another place with -o TRACE or REENACT_TRACE_DIR",
            Nested => "record the inner program alone, or run it outside of the recording",
            NoProc => "mount it: mount -t proc proc /proc",
            Recorder { .. } => "install reenact again",
            System { error, .. } => limit_hint(error),
            NoMechanism { .. } => DOCTOR,
            EmptyCommand | BadArgument { .. } | AddressSpace { .. } => "",
        }
    }
}

const DOCTOR: &str = "see what this machine offers: reenact doctor";

/// Which limit it was, if it was one: what the program is to have it can be given inside the recording.
fn limit_hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EFBIG) => {
            "raise the limit of file sizes (ulimit -f), and lower it in the recorded program: sh -c 'ulimit -f N; exec PROGRAM'"
        }
        Some(libc::EMFILE) => {
            "raise the limit of descriptors (ulimit -n), and lower it in the recorded program: sh -c 'ulimit -n N; exec PROGRAM'"
        }
        Some(libc::EAGAIN) => {
            "raise the limits of processes and of data (ulimit -u, ulimit -d), and lower them in the recorded program"
        }
        _ => DOCTOR,
    }
}

impl fmt::Display for SupervisorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use SupervisorError::*;
        match self {
            EmptyCommand => write!(f, "no command to record was given"),
            CommandNotFound { command } => write!(f, "command not found: {command}"),
            IsDirectory { path } => write!(f, "{} is a directory, not a program", path.display()),
            NotExecutable { path, error } => {
                write!(f, "{} may not be executed: {}", path.display(), Reason(error))
            }
            NotAProgram { path } => {
                write!(f, "{} is neither an ELF program nor a script with a #! line", path.display())
            }
            Damaged { path } => {
                write!(f, "{} is not a whole program: its headers cannot be read", path.display())
            }
            NoLinker { path, linker } => write!(
                f,
                "{} needs the dynamic linker {}, which is not there",
                path.display(),
                linker.display()
            ),
            Interpreted { path, interpreter } => write!(
                f,
                "{} is run by {} through binfmt_misc, which a recording does not follow",
                path.display(),
                interpreter.display()
            ),
            ThirtyTwoBit { path } => {
                write!(f, "{} is a 32-bit program; only 64-bit ones can be recorded", path.display())
            }
            ForeignArchitecture { path, machine } => write!(
                f,
                "{} is a program for another processor (ELF machine {machine}); only x86-64 can be recorded",
                path.display()
            ),
            Privileged { path } => write!(
                f,
                "{} would gain privileges when it starts (set-user-id, set-group-id or file capabilities), which a recording cannot follow",
                path.display()
            ),
            BadScript { path, reason } => {
                write!(f, "the first line of the script {} {reason}", path.display())
            }
            BadArgument { what } => write!(f, "{what}"),
            TraceExists { path } => {
                write!(f, "{} exists and is not empty; choose another trace directory", path.display())
            }
            Trace { path, error } => {
                write!(f, "the trace cannot be written to {}: {}", path.display(), Reason(error))
            }
            Nested => write!(f, "this reenact is being recorded itself, and recordings do not nest"),
            NoProc => write!(f, "there is no /proc here, without which nothing can be recorded"),
            AddressSpace { limit } => write!(
                f,
                "the limit of address space (`ulimit -v`, {} KiB here) leaves no room to record; set it in the recorded program instead",
                limit >> 10
            ),
            Recorder { path, error } => write!(
                f,
                "the recorder program {} cannot be opened: {}",
                path.display(),
                Reason(error)
            ),
            NoMechanism { lacks } => {
                write!(f, "system calls cannot be caught here: the kernel lacks or refuses {lacks}")
            }
            Attach(error) => error.fmt(f),
            System { what, error } => write!(f, "{what}: {}", Reason(error)),
        }
    }
}

impl std::error::Error for SupervisorError {}
