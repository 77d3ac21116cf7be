//! Closing, duplicating and making descriptors that are not files.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::{Class, SpecialAction};
use crate::names::flags::{CLOSE_RANGE, DESCRIPTOR};
use crate::output::fixed;
use crate::traits::Descriptors;
use crate::wait::{Restart, Wait};

pub(super) const CALLS: &[SystemCall] = &[
    // close() waits for a network file system to write back, and for SO_LINGER.
    call(3, "close", &[("fd", Fd)])
        .waits(Wait::Directly, Restart::None)
        .makes(Descriptors::Close(0)),
    call(22, "pipe", &[("fds", Pointer)])
        .writes(&[fixed(0, 8)])
        .makes(Descriptors::Pair(0)),
    call(32, "dup", &[("fd", Fd)]).makes(Descriptors::Duplicate { of: 0, flags: None }),
    call(33, "dup2", &[("old", Fd), ("new", Fd)])
        .makes(Descriptors::Duplicate { of: 0, flags: None }),
    call(
        292,
        "dup3",
        &[("old", Fd), ("new", Fd), ("flags", Flags(DESCRIPTOR))],
    )
    .makes(Descriptors::Duplicate {
        of: 0,
        flags: Some(2),
    }),
    call(
        293,
        "pipe2",
        &[("fds", Pointer), ("flags", Flags(DESCRIPTOR))],
    )
    .writes(&[fixed(0, 8)])
    .makes(Descriptors::Pair(0)),
    call(
        434,
        "pidfd_open",
        &[("pid", Int), ("flags", Flags(DESCRIPTOR))],
    )
    .makes(Descriptors::Result),
    // Could fetch a descriptor of the recorder.
    call(
        438,
        "pidfd_getfd",
        &[("pidfd", Fd), ("fd", Fd), ("flags", Hex)],
    )
    .makes(Descriptors::Opened { flags: None }),
    call(
        436,
        "close_range",
        &[
            ("first", Unsigned),
            ("last", Unsigned),
            ("flags", Flags(CLOSE_RANGE)),
        ],
    )
    .class(Class::Special(SpecialAction::CloseRange)),
];
