//! How replays end.

/// How the replay of a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exit(i64),
    Signal(i64),
    /// It ended while it was recorded, nobody saw how (a signal from another process).
    Ended,
    /// The recording was stopped.
    Stopped,
    /// The log ends without an end.
    Cut,
    /// `--stop-event`.
    Asked,
    /// The segment is over, in the state it has to end in.
    Segment,
    /// A process that shares memory with it was not replayed as far as this one needs.
    Unreachable,
    Divergence,
    Error,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            End::Exit(_) => "exit",
            End::Signal(_) => "signal",
            End::Ended => "ended",
            End::Stopped => "stopped",
            End::Cut => "cut",
            End::Asked => "asked",
            End::Segment => "segment",
            End::Unreachable => "unreachable",
            End::Divergence => "divergence",
            End::Error => "error",
        }
    }

    pub fn status(self) -> Option<i64> {
        match self {
            End::Exit(value) | End::Signal(value) => Some(value),
            _ => None,
        }
    }
}
