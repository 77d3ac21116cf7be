//! Declarations of what the kernel writes.

use crate::access::Field;

/// On which results an output is written. After `EFAULT` every output may be there in part and
/// is reported as far as it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The result is not an error.
    Success,
    /// The result is greater than zero.
    Positive,
    /// Whatever the result.
    Always,
    /// Whatever the result, and left out where it cannot be written: that is no failure.
    IfWritable,
    /// The result is this error (positive number).
    Error(i32),
    /// `Success`, or this error.
    SuccessOr(i32),
}

/// Bytes written at the address in an argument (`pointer`; nothing if that is null).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A structure of this size.
    Fixed { pointer: u8, bytes: u32, when: When },
    /// An array: argument `count` times `unit` bytes.
    Counted {
        pointer: u8,
        count: u8,
        unit: u32,
        when: When,
    },
    /// `header` bytes and the result times `unit`, at most argument `limit` times `unit`.
    Result {
        pointer: u8,
        limit: u8,
        unit: u32,
        header: u32,
    },
    /// Some fields of each record of an array, and nothing else of it.
    Fields {
        pointer: u8,
        /// How many records: an argument, or the result, which is at most that argument.
        count: Count,
        /// Size of a record.
        unit: u32,
        fields: &'static [Field],
        when: When,
    },
    /// At most as many bytes as the `u32` at the address in `length` said before and says
    /// after; that `u32` as well.
    ValueResult { pointer: u8, length: u8, when: When },
    /// The buffers of an array of `count` iovecs, as far as the result reaches.
    Vector { pointer: u8, count: u8 },
    /// Anything that needs code.
    Rule(Rule),
}

/// How many records there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Argument(u8),
    /// As the result says, at most this argument.
    Result(u8),
}

impl Output {
    /// Whether it is found from the arguments and the result alone.
    pub(crate) const fn is_simple(&self) -> bool {
        matches!(
            self,
            Output::Fixed { .. }
                | Output::Counted { .. }
                | Output::Result { .. }
                | Output::Fields { .. }
        )
    }

    /// Whether it is known before the call which memory it can touch: scratch memory can stand for
    /// that (see `capture::extent`).
    pub(crate) const fn has_extent(&self) -> bool {
        match self {
            Output::Fixed { .. }
            | Output::Counted { .. }
            | Output::Result { .. }
            | Output::Fields { .. }
            | Output::ValueResult { .. }
            | Output::Vector { .. } => true,
            Output::Rule(rule) => matches!(
                rule,
                Rule::DescriptorSets | Rule::Remaining | Rule::Message | Rule::Messages
            ),
        }
    }

    /// The arguments that are addresses of what is written.
    pub(crate) const fn pointers(&self) -> [Option<u8>; 2] {
        match *self {
            Output::Fixed { pointer, .. }
            | Output::Counted { pointer, .. }
            | Output::Result { pointer, .. }
            | Output::Fields { pointer, .. }
            | Output::Vector { pointer, .. } => [Some(pointer), None],
            Output::ValueResult {
                pointer, length, ..
            } => [Some(pointer), Some(length)],
            Output::Rule(_) => [None, None],
        }
    }
}

/// Outputs that need code; see the `capture` module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Three sets of args[0] descriptors, after success.
    DescriptorSets,
    /// `recvmsg`: header, name, buffers and control data of args[1].
    Message,
    /// `recvmmsg`: the same for each received message.
    Messages,
    /// `getsockopt`: by level and option.
    SocketOption,
    /// `setsockopt`: replacing packet filter tables returns the old counters.
    SetSocketOption,
    Ioctl,
    Fcntl,
    Prctl,
    /// `seccomp`: sizes of structures.
    Filter,
    ArchPrctl,
    Futex,
    /// `clone`, `clone3`: identifiers of the child and its pidfd.
    Clone,
    Clone3,
    /// `capget`, `capset`: version in the header, data by version.
    Capabilities,
    /// `clock_nanosleep`: remaining time unless the deadline is absolute.
    Remaining,
    /// `name_to_handle_at`.
    FileHandle,
    Quota,
    QuotaByDescriptor,
    /// `semctl`, `msgctl`, `shmctl`: by command.
    Semaphore,
    MessageQueue,
    SharedMemory,
    Keys,
    /// `sysfs`: a string.
    SysfsName,
    /// `syslog`: messages, for the commands that read.
    KernelLog,
    /// `getxattrat`: the buffer is named in a structure.
    ExtendedAttribute,
    /// `statmount`: the size is in the first word.
    StatMount,
    /// `get_mempolicy`: node mask of args[2] bits.
    NodeMask,
    /// `mincore`: a byte for each page.
    Residency,
    /// `process_vm_writev` on the process itself: the remote buffers.
    RemoteVector,
    /// `getgroups`, when args[0] is not zero.
    Groups,
}

/// A structure written on success.
pub(crate) const fn fixed(pointer: u8, bytes: u32) -> Output {
    Output::Fixed {
        pointer,
        bytes,
        when: When::Success,
    }
}

/// A structure written on other results too.
pub(crate) const fn fixed_when(pointer: u8, bytes: u32, when: When) -> Output {
    Output::Fixed {
        pointer,
        bytes,
        when,
    }
}

/// An array of `args[count]` elements, written on success.
pub(crate) const fn counted(pointer: u8, count: u8, unit: u32) -> Output {
    Output::Counted {
        pointer,
        count,
        unit,
        when: When::Success,
    }
}

/// An array of `args[count]` elements, written on other results too.
pub(crate) const fn counted_when(pointer: u8, count: u8, unit: u32, when: When) -> Output {
    Output::Counted {
        pointer,
        count,
        unit,
        when,
    }
}

/// As many bytes as the result says, at most `args[limit]`.
pub(crate) const fn result(pointer: u8, limit: u8) -> Output {
    Output::Result {
        pointer,
        limit,
        unit: 1,
        header: 0,
    }
}

/// As many elements as the result says, at most `args[limit]`.
pub(crate) const fn result_units(pointer: u8, limit: u8, unit: u32) -> Output {
    Output::Result {
        pointer,
        limit,
        unit,
        header: 0,
    }
}

/// A value-result buffer, written on success.
pub(crate) const fn value_result(pointer: u8, length: u8) -> Output {
    Output::ValueResult {
        pointer,
        length,
        when: When::Success,
    }
}

/// Buffers of iovecs.
pub(crate) const fn vector(pointer: u8, count: u8) -> Output {
    Output::Vector { pointer, count }
}
