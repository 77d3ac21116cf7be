//! What follows from a row, so that an ordinary call costs a few tests of bits.

/// Computed by the compiler from the rest of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// A bit for each argument that is a descriptor.
    pub descriptors: u8,
    /// A bit for each argument that is an address.
    pub addresses: u8,
    /// The call is performed whatever its arguments, and all its outputs are found from its
    /// arguments and its result: nothing has to be known from before it.
    pub is_simple: bool,
    /// The recorder answers some of these calls in place of the kernel.
    pub is_answered: bool,
    /// The result is a descriptor of what a path leads to.
    pub opens: bool,
    /// The kernel must have all signals that wait for the thread: the call looks at them itself, or
    /// changes the mask while it waits.
    pub takes_signals: bool,
    /// There is something to do after it: descriptors or files have changed, or it is a special one.
    pub has_consequences: bool,
    /// It can change what a file holds, or how long it is.
    pub changes_files: bool,
}

impl Facts {
    /// Those of a row that is not complete yet.
    pub(crate) const NONE: Facts = Facts {
        descriptors: 0,
        addresses: 0,
        is_simple: false,
        is_answered: false,
        opens: false,
        takes_signals: false,
        has_consequences: false,
        changes_files: false,
    };
}
