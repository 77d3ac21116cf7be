//! Why the events of a trace cannot be read.

/// Why the log cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedError {
    /// The file cannot be read, or ends inside a chunk.
    Unreadable,
    /// A chunk's content does not have its checksum, or does not decompress.
    ChunkDamaged,
    /// A record inside a chunk is no event.
    EventDamaged,
    /// `Data` records without an end.
    TooMuchData,
}

impl FeedError {
    pub fn message(self) -> &'static str {
        match self {
            FeedError::Unreadable => "the event file cannot be read here",
            FeedError::ChunkDamaged => "a chunk of the event log is damaged",
            FeedError::EventDamaged => "a record of the event log is damaged",
            FeedError::TooMuchData => "an event of the log has more data than any real one",
        }
    }
}
