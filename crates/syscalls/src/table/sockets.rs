//! Sockets.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::{DOMAIN, MESSAGE, SHUTDOWN, SOCKET_LEVEL, SOCKET_TYPE};
use crate::output::{fixed, result, value_result, Count, Output, Rule, When};
use crate::traits::{Content, Descriptors, Nested};
use crate::wait::{readable, ForAll, Restart, Wait};

const MSG_DONTWAIT: u64 = 0x40;
const MSG_WAITALL: u64 = 0x100;
const MSG_WAITFORONE: u64 = 0x1_0000;

pub(super) const CALLS: &[SystemCall] = &[
    call(
        41,
        "socket",
        &[
            ("domain", Choice(DOMAIN)),
            ("type", SOCKET_TYPE),
            ("protocol", Int),
        ],
    )
    .makes(Descriptors::Result),
    call(
        42,
        "connect",
        &[("fd", Fd), ("address", Pointer), ("length", Unsigned)],
    )
    .waits(Wait::Directly, Restart::WithFlag),
    call(
        43,
        "accept",
        &[("fd", Fd), ("address", Pointer), ("length", Pointer)],
    )
    .writes(&[value_result(1, 2)])
    .waits(Wait::UntilReady(readable(0)), Restart::WithFlag)
    .makes(Descriptors::Result),
    call(
        44,
        "sendto",
        &[
            ("fd", Fd),
            ("buffer", Pointer),
            ("length", Size),
            ("flags", Flags(MESSAGE)),
            ("address", Pointer),
            ("address_length", Unsigned),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .changes(Content::Buffer { to: 0, buffer: 1 }),
    // MSG_TRUNC: the result may be larger than the buffer.
    call(
        45,
        "recvfrom",
        &[
            ("fd", Fd),
            ("buffer", Pointer),
            ("length", Size),
            ("flags", Flags(MESSAGE)),
            ("address", Pointer),
            ("address_length", Pointer),
        ],
    )
    .writes(&[result(1, 2), value_result(4, 5)])
    .waits(
        Wait::UntilReady(
            readable(0)
                .unless(3, MSG_DONTWAIT)
                .for_all(ForAll::If(3, MSG_WAITALL)),
        ),
        Restart::WithFlag,
    ),
    call(
        46,
        "sendmsg",
        &[("fd", Fd), ("message", Pointer), ("flags", Flags(MESSAGE))],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .names(&[Nested::Message(1)])
    .changes(Content::Message { to: 0, message: 1 }),
    call(
        47,
        "recvmsg",
        &[("fd", Fd), ("message", Pointer), ("flags", Flags(MESSAGE))],
    )
    .writes(&[Output::Rule(Rule::Message)])
    .waits(
        Wait::UntilReady(
            readable(0)
                .unless(2, MSG_DONTWAIT)
                .for_all(ForAll::If(2, MSG_WAITALL)),
        ),
        Restart::WithFlag,
    )
    .makes(Descriptors::Control)
    .names(&[Nested::Message(1)]),
    call(48, "shutdown", &[("fd", Fd), ("how", Choice(SHUTDOWN))]),
    call(
        49,
        "bind",
        &[("fd", Fd), ("address", Pointer), ("length", Unsigned)],
    ),
    call(50, "listen", &[("fd", Fd), ("backlog", Int)]),
    call(
        51,
        "getsockname",
        &[("fd", Fd), ("address", Pointer), ("length", Pointer)],
    )
    .writes(&[value_result(1, 2)]),
    call(
        52,
        "getpeername",
        &[("fd", Fd), ("address", Pointer), ("length", Pointer)],
    )
    .writes(&[value_result(1, 2)]),
    call(
        53,
        "socketpair",
        &[
            ("domain", Choice(DOMAIN)),
            ("type", SOCKET_TYPE),
            ("protocol", Int),
            ("fds", Pointer),
        ],
    )
    .writes(&[fixed(3, 8)])
    .makes(Descriptors::Pair(3)),
    call(
        54,
        "setsockopt",
        &[
            ("fd", Fd),
            ("level", Choice(SOCKET_LEVEL)),
            ("option", Int),
            ("value", Pointer),
            ("length", Unsigned),
        ],
    )
    .writes(&[Output::Rule(Rule::SetSocketOption)]),
    call(
        55,
        "getsockopt",
        &[
            ("fd", Fd),
            ("level", Choice(SOCKET_LEVEL)),
            ("option", Int),
            ("value", Pointer),
            ("length", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::SocketOption)])
    .makes(Descriptors::Command),
    call(
        288,
        "accept4",
        &[
            ("fd", Fd),
            ("address", Pointer),
            ("length", Pointer),
            ("flags", SOCKET_TYPE),
        ],
    )
    .writes(&[value_result(1, 2)])
    .waits(Wait::UntilReady(readable(0)), Restart::WithFlag)
    .makes(Descriptors::Result),
    call(
        299,
        "recvmmsg",
        &[
            ("fd", Fd),
            ("messages", Pointer),
            ("count", Unsigned),
            ("flags", Flags(MESSAGE)),
            ("timeout", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::Messages), fixed(4, 16)])
    .waits(
        Wait::UntilReady(
            readable(0)
                .unless(3, MSG_DONTWAIT)
                .for_all(ForAll::Unless(3, MSG_WAITFORONE)),
        ),
        Restart::WithFlag,
    )
    .makes(Descriptors::Control)
    .names(&[Nested::Messages {
        pointer: 1,
        count: 2,
    }]),
    call(
        307,
        "sendmmsg",
        &[
            ("fd", Fd),
            ("messages", Pointer),
            ("count", Unsigned),
            ("flags", Flags(MESSAGE)),
        ],
    )
    .names(&[Nested::Messages {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Transfer { to: 0 })
    // Only `msg_len` of each header is written.
    .writes(&[Output::Fields {
        pointer: 1,
        count: Count::Result(2),
        unit: 64,
        fields: &[(56, 4)],
        when: When::Success,
    }])
    .waits(Wait::Scratch, Restart::WithFlag)
    .names(&[Nested::Messages {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Transfer { to: 0 }),
];
