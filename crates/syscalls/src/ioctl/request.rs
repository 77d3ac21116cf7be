//! One request of `ioctl`.

/// What a request writes through its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoctlOutput {
    None,
    /// A structure of this size.
    Bytes(u32),
    /// `struct ifconf` and the array it names.
    InterfaceList,
    /// `struct fiemap` and the extents behind it.
    Extents,
    /// `struct file_dedupe_range` and the ranges behind it.
    Dedupe,
    /// Not performed, for this reason: the program gets `-errno`.
    Declined(i32, &'static str),
    /// Nobody knows, or it is too much to say: what has changed is looked for.
    Unknown,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioctl {
    pub request: u32,
    /// `None` for a request known only by its number.
    pub name: Option<&'static str>,
    pub output: IoctlOutput,
    /// The result is a new descriptor.
    pub makes_descriptor: bool,
    /// Waits, and writes nothing meanwhile.
    pub may_block: bool,
}

/// A request without outputs.
pub(super) const fn plain(request: u32, name: &'static str) -> Ioctl {
    Ioctl {
        request,
        name: Some(name),
        output: IoctlOutput::None,
        makes_descriptor: false,
        may_block: false,
    }
}

/// A request that fills a structure.
pub(super) const fn writes(request: u32, name: &'static str, bytes: u32) -> Ioctl {
    with(request, name, IoctlOutput::Bytes(bytes))
}

pub(super) const fn with(request: u32, name: &'static str, output: IoctlOutput) -> Ioctl {
    Ioctl {
        request,
        name: Some(name),
        output,
        makes_descriptor: false,
        may_block: false,
    }
}

/// A request whose result is a new descriptor.
pub(super) const fn opens(request: u32, name: &'static str) -> Ioctl {
    Ioctl {
        request,
        name: Some(name),
        output: IoctlOutput::None,
        makes_descriptor: true,
        may_block: false,
    }
}

/// A request that waits and writes nothing.
pub(super) const fn waits(request: u32, name: &'static str) -> Ioctl {
    Ioctl {
        may_block: true,
        ..plain(request, name)
    }
}
