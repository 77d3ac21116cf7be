//! What a recording is asked to do.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How system calls are caught in the recorded processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// Syscall User Dispatch where the kernel has it, else seccomp.
    #[default]
    Auto,
    /// Syscall User Dispatch (Linux 5.11).
    Dispatch,
    /// A seccomp filter that traps.
    Seccomp,
}

/// When what a ring holds becomes a trace at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveOn {
    Always,
    /// The first process has failed, or another one by a fault.
    #[default]
    Error,
    /// The first process was ended by a signal, or another one by a fault.
    Signal,
    Never,
}

impl SaveOn {
    /// From the word for it; `None`: it is none.
    pub fn from_word(word: &str) -> Option<SaveOn> {
        Some(match word {
            "always" => SaveOn::Always,
            "error" => SaveOn::Error,
            "signal" => SaveOn::Signal,
            "never" => SaveOn::Never,
            _ => return None,
        })
    }
}

/// A recording that keeps its last part in memory.
#[derive(Clone, Debug)]
pub struct RingOptions {
    /// Bytes that are kept, about.
    pub size: u64,
    pub save_on: SaveOn,
    /// Where a socket is to be made for those who ask; `None`: nobody can.
    pub socket: Option<PathBuf>,
}

/// A recording to make.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// Directory to create; may exist if it is empty.
    pub trace: PathBuf,
    /// The freestanding recorder program.
    pub recorder: PathBuf,
    /// Program (searched in PATH when it has no slash) and its arguments.
    pub command: Vec<OsString>,
    /// Environment as `NAME=value`; `None`: this process's own.
    pub environment: Option<Vec<OsString>>,
    /// Directory to start in; `None`: this process's own.
    pub directory: Option<PathBuf>,
    pub mechanism: Mechanism,
    /// Checksum guest memory every so many system calls; 0: never.
    pub checksum_interval: u64,
    /// Put nothing into the program's code, for programs that look at it.
    pub leaves_code: bool,
    /// How long processes that outlive the first one go on being recorded.
    pub linger: Duration,
    /// Give SIGPIPE and SIGXFSZ back their default action, which Python and Rust
    /// programs change for themselves.
    pub restore_signals: bool,
    /// Schedule threads at random, from this seed; `None`: fairly.
    pub chaos_seed: Option<u64>,
    /// How often every process takes a snapshot, from which a replay can begin; `None`: never.
    pub snapshot_interval: Option<Duration>,
    /// A process takes one whenever it has logged so many events, and waits until it is written; 0: never.
    pub snapshot_events: u64,
    /// Keep the last part in memory, in place of files; `None`: write all to the trace as it comes.
    pub ring: Option<RingOptions>,
    /// End all recorded processes when the first one has run for so long; `None`: never.
    pub timeout: Option<Duration>,
}

impl RecordOptions {
    /// Whether any snapshot is taken.
    pub fn takes_snapshots(&self) -> bool {
        self.ring.is_some() || self.snapshot_interval.is_some() || self.snapshot_events > 0
    }

    /// Options with the defaults: 2 s of lingering, no memory checksums.
    pub fn new(
        trace: impl Into<PathBuf>,
        recorder: impl Into<PathBuf>,
        command: Vec<OsString>,
    ) -> RecordOptions {
        RecordOptions {
            trace: trace.into(),
            recorder: recorder.into(),
            command,
            environment: None,
            directory: None,
            mechanism: Mechanism::Auto,
            checksum_interval: 0,
            leaves_code: false,
            linger: Duration::from_secs(2),
            restore_signals: true,
            chaos_seed: None,
            snapshot_interval: None,
            snapshot_events: 0,
            ring: None,
            timeout: None,
        }
    }
}
