//! The arguments of a call: their names, and what each means.

use crate::names::{Choice, Flag};

/// What an argument is, and how it is printed.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A descriptor.
    Fd,
    /// A descriptor of a directory, or `AT_FDCWD`.
    DirFd,
    /// Address of a path; the row says what a link at its end means ([`crate::Paths`]).
    Path,
    /// Address of a string that is no path.
    Text,
    /// Any other address.
    Pointer,
    /// A signed 32-bit number.
    Int,
    /// An unsigned 32-bit number.
    Unsigned,
    /// A signed 64-bit number (offsets).
    Long,
    /// An unsigned 64-bit number (sizes, counts).
    Size,
    /// Bits without names here.
    Hex,
    /// Permission bits.
    Mode,
    /// A signal number.
    Signal,
    /// Named bits.
    Flags(&'static [Flag]),
    /// One of several names.
    Choice(&'static [Choice]),
    /// Flags of `open`: access mode and bits.
    Open,
    /// `ioctl` request.
    Ioctl,
    /// `fcntl` command.
    Fcntl,
    /// `prctl` option.
    Prctl,
}

impl Kind {
    /// Whether it is a descriptor number.
    pub const fn is_descriptor(self) -> bool {
        matches!(self, Kind::Fd | Kind::DirFd)
    }

    /// Whether it is an address in the program's memory.
    pub const fn is_address(self) -> bool {
        matches!(self, Kind::Path | Kind::Text | Kind::Pointer)
    }
}

/// Name and kind of an argument.
pub type Argument = (&'static str, Kind);
