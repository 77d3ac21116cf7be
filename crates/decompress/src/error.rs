//! Why a frame cannot be decoded.

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end before the frame does.
    Truncated,
    /// They are no frame of zstd.
    NotAFrame,
    /// It needs a dictionary.
    Dictionary,
    /// A block that no encoder makes.
    Block,
    /// Its literals are damaged.
    Literals,
    /// A table of codes is damaged.
    Table,
    /// Its sequences are damaged.
    Sequences,
    /// The content is longer than the room for it.
    NoRoom,
}
