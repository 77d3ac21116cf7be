//! Numbers that would be confused with others.

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
    /// Index of an event in its process's log, from 0.
    EventIndex(u64)
);
number!(
    /// Number of a file kept in the trace (`files/<id>`).
    FileId(u32)
);

impl FileId {
    /// An anonymous mapping, or a mapping whose bytes are in the log.
    pub const NONE: FileId = FileId(u32::MAX);
}
