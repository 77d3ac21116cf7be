//! Waiting for descriptors to become ready.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::{EPOLL_CREATE, EPOLL_OPERATION};
use crate::output::{fixed_when, result_units, Count, Output, Rule, When};
use crate::traits::Descriptors;
use crate::wait::{Restart, SignalMask, TimeLimit, Wait};

/// `struct epoll_event`, packed.
const EPOLL_EVENT: u32 = 12;

/// `revents` alone is written; on EINTR too.
const REVENTS: Output = Output::Fields {
    pointer: 0,
    count: Count::Argument(1),
    unit: 8,
    fields: &[(6, 2)],
    when: When::SuccessOr(EINTR),
};

pub(super) const CALLS: &[SystemCall] = &[
    call(
        7,
        "poll",
        &[("fds", Pointer), ("count", Unsigned), ("timeout", Int)],
    )
    .writes(&[REVENTS])
    .waits(Wait::Scratch, Restart::Block)
    .at_most(TimeLimit::Milliseconds(2)),
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
        fixed_when(4, 16, When::IfWritable),
    ])
    .waits(Wait::Scratch, Restart::NoHandler),
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
    .waits(Wait::Scratch, Restart::Interrupted)
    .at_most(TimeLimit::Milliseconds(3)),
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
        fixed_when(4, 16, When::IfWritable),
    ])
    .waits(Wait::Scratch, Restart::NoHandler)
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
    .writes(&[REVENTS, fixed_when(2, 16, When::IfWritable)])
    .waits(Wait::Scratch, Restart::NoHandler)
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
    .waits(Wait::Scratch, Restart::Interrupted)
    .at_most(TimeLimit::Milliseconds(3))
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
    .waits(Wait::Scratch, Restart::Interrupted)
    .at_most(TimeLimit::Time(3))
    .masks(SignalMask::Argument(4)),
];

const EINTR: i32 = 4;
