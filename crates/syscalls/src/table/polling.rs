//! Waiting for descriptors to become ready.

use crate::call::{call, Descriptors, Kind::*, Restart::*, SignalMask, SystemCall};
use crate::names::flags::{EPOLL_CREATE, EPOLL_OPERATION};
use crate::output::{counted_when, fixed_when, result_units, Output, Rule, When};

/// `struct pollfd`.
const POLLFD: u32 = 8;
/// `struct epoll_event`, packed.
const EPOLL_EVENT: u32 = 12;

pub(super) const CALLS: &[SystemCall] = &[
    // `revents` is written on EINTR too.
    call(
        7,
        "poll",
        &[("fds", Pointer), ("count", Unsigned), ("timeout", Int)],
    )
    .writes(&[counted_when(0, 1, POLLFD, When::SuccessOr(EINTR))])
    .blocks(Block),
    // The sets are left alone on failure, the remaining time is not.
    call(
        23,
        "select",
        &[
            ("count", Int),
            ("read", Pointer),
            ("write", Pointer),
            ("except", Pointer),
            ("timeout", Pointer),
        ],
    )
    .writes(&[
        Output::Rule(Rule::DescriptorSets),
        fixed_when(4, 16, When::Always),
    ])
    .blocks(NoHandler),
    call(213, "epoll_create", &[("size", Int)]).makes(Descriptors::Result),
    call(
        232,
        "epoll_wait",
        &[
            ("epoll", Fd),
            ("events", Pointer),
            ("count", Int),
            ("timeout", Int),
        ],
    )
    .writes(&[result_units(1, 2, EPOLL_EVENT)])
    .blocks(Interrupted),
    call(
        233,
        "epoll_ctl",
        &[
            ("epoll", Fd),
            ("operation", Choice(EPOLL_OPERATION)),
            ("fd", Fd),
            ("event", Pointer),
        ],
    ),
    call(
        270,
        "pselect6",
        &[
            ("count", Int),
            ("read", Pointer),
            ("write", Pointer),
            ("except", Pointer),
            ("timeout", Pointer),
            ("mask", Pointer),
        ],
    )
    .writes(&[
        Output::Rule(Rule::DescriptorSets),
        fixed_when(4, 16, When::Always),
    ])
    .blocks(NoHandler)
    .masks(SignalMask::Indirect(5)),
    call(
        271,
        "ppoll",
        &[
            ("fds", Pointer),
            ("count", Unsigned),
            ("timeout", Pointer),
            ("mask", Pointer),
            ("mask_size", Size),
        ],
    )
    .writes(&[
        counted_when(0, 1, POLLFD, When::SuccessOr(EINTR)),
        fixed_when(2, 16, When::Always),
    ])
    .blocks(NoHandler)
    .masks(SignalMask::Argument(3)),
    call(
        281,
        "epoll_pwait",
        &[
            ("epoll", Fd),
            ("events", Pointer),
            ("count", Int),
            ("timeout", Int),
            ("mask", Pointer),
            ("mask_size", Size),
        ],
    )
    .writes(&[result_units(1, 2, EPOLL_EVENT)])
    .blocks(Interrupted)
    .masks(SignalMask::Argument(4)),
    call(291, "epoll_create1", &[("flags", Flags(EPOLL_CREATE))]).makes(Descriptors::Result),
    call(
        441,
        "epoll_pwait2",
        &[
            ("epoll", Fd),
            ("events", Pointer),
            ("count", Int),
            ("timeout", Pointer),
            ("mask", Pointer),
            ("mask_size", Size),
        ],
    )
    .writes(&[result_units(1, 2, EPOLL_EVENT)])
    .blocks(Interrupted)
    .masks(SignalMask::Argument(4)),
];

const EINTR: i32 = 4;
