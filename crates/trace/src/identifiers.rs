//! Newtypes for everything that can be counted or confused.

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Number of a recorded process within its trace; the first process is 0.
    /// A process keeps its number through `execve`.
    ProcessId(u32)
);
number!(
    /// Index of an event in its process's log, from 0.
    EventIndex(u64)
);
number!(
    /// Count of executed instructions; `rep` string instructions count once.
    InstructionCount(u64)
);
number!(
    /// Thread id as the recorded program saw it.
    Tid(u32)
);
number!(
    /// Number of a file kept in the trace (`files/<id>`).
    FileId(u32)
);

impl FileId {
    /// An anonymous mapping, or a mapping whose bytes are in the log.
    pub const NONE: FileId = FileId(u32::MAX);
}

/// Address in the recorded program.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct GuestAddress(pub u64);

impl core::fmt::Debug for GuestAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl core::fmt::Display for GuestAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A moment in a process's history: so many instructions after an event.
/// Positions of one process are totally ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub process: ProcessId,
    /// The last event that has taken effect.
    pub event: EventIndex,
    /// Instructions executed since that event took effect.
    pub instructions: InstructionCount,
}
