//! What a call does beside its outputs: to descriptors, files, paths, signals, and through pointers
//! inside what it is given. Numbers (`u8`) are those of arguments.

/// What becomes of descriptors after success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptors {
    None,
    /// The result is a new one, of something new.
    Result,
    /// The result is a new one, of something that may be known already: a file that was there, or what somebody
    /// else has open. This argument says how it is opened, if one does.
    Opened {
        flags: Option<u8>,
    },
    /// Two `int`s at this address are new ones.
    Pair(u8),
    /// New ones in `SCM_RIGHTS` of the control buffers of received messages.
    Control,
    /// The result is a duplicate; `flags` can say that it closes on exec.
    Duplicate {
        of: u8,
        flags: Option<u8>,
    },
    /// The thread has a table of its own from now on, if this argument has CLONE_FILES.
    OwnTable(u8),
    /// This one is closed.
    Close(u8),
    /// Depends on a command argument ([`crate::fcntl`], [`crate::ioctl`], flags of `clone`).
    Command,
}

/// Pointers inside what a call is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nested {
    /// An array of buffers (`struct iovec`).
    Vector { pointer: u8, count: u8 },
    /// `struct msghdr`.
    Message(u8),
    /// An array of `struct mmsghdr`.
    Messages { pointer: u8, count: u8 },
}

/// Whose content changes, and by which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Unchanged,
    /// As many bytes as the result says go from this buffer to what is behind a descriptor.
    Buffer {
        to: u8,
        buffer: u8,
    },
    /// From an array of buffers.
    Vector {
        to: u8,
        pointer: u8,
        count: u8,
    },
    /// From the array of buffers in a `struct msghdr`.
    Message {
        to: u8,
        message: u8,
    },
    /// Bytes that were never in the program's memory, or from more places than one.
    Transfer {
        to: u8,
    },
    /// The size or the holes of a file change.
    Resize(u8),
}

impl Content {
    /// The argument with the descriptor of what changes.
    pub const fn descriptor(self) -> Option<u8> {
        match self {
            Content::Unchanged => None,
            Content::Buffer { to, .. }
            | Content::Vector { to, .. }
            | Content::Message { to, .. }
            | Content::Transfer { to }
            | Content::Resize(to) => Some(to),
        }
    }
}

/// What a link at the end of a path means. The recorder has an answer of its own to some links and
/// files under `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// The call has no path.
    None,
    /// It stands for what it leads to.
    Followed,
    /// The same, unless this argument has these bits.
    FollowedUnless(u8, u64),
    /// The same, if this argument has these bits.
    FollowedIf(u8, u64),
    /// It stands for itself, or nothing may be there yet.
    Named,
    /// What it leads to is opened; these flags can say not to follow, or only to get hold of it.
    Opened { flags: u8 },
    /// The same; flags are in the first word at this address.
    OpenedBy { how: u8 },
    /// The link is read.
    LinkRead { buffer: u8, size: u8 },
}

/// To whom a call sends a signal, and which argument names the `siginfo_t` that it tells of it (some: where it is
/// not null); without one the kernel makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Nothing,
    /// A process; for numbers that are not positive several.
    Process {
        pid: u8,
        signal: u8,
        information: Option<u8>,
    },
    Thread {
        tid: u8,
        signal: u8,
        information: Option<u8>,
    },
    /// The process or thread behind a process descriptor.
    Descriptor {
        pidfd: u8,
        signal: u8,
        information: Option<u8>,
    },
}

/// Flags of the calls that take `AT_…`.
pub(crate) const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
pub(crate) const AT_SYMLINK_FOLLOW: u64 = 0x400;
