//! Sockets.

use crate::call::{call, Descriptors, Kind::*, Restart::*, SystemCall};
use crate::names::flags::{DOMAIN, MESSAGE, SHUTDOWN, SOCKET_LEVEL, SOCKET_TYPE};
use crate::output::{fixed, result, result_units, value_result, Output, Rule};

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
    .blocks(WithFlag),
    call(
        43,
        "accept",
        &[("fd", Fd), ("address", Pointer), ("length", Pointer)],
    )
    .writes(&[value_result(1, 2)])
    .blocks(WithFlag)
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
    call(
        46,
        "sendmsg",
        &[("fd", Fd), ("message", Pointer), ("flags", Flags(MESSAGE))],
    )
    .blocks(WithFlag),
    call(
        47,
        "recvmsg",
        &[("fd", Fd), ("message", Pointer), ("flags", Flags(MESSAGE))],
    )
    .writes(&[Output::Rule(Rule::Message)])
    .blocks(WithFlag)
    .makes(Descriptors::Control),
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
    .blocks(WithFlag)
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
    .blocks(WithFlag)
    .makes(Descriptors::Control),
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
    // Only `msg_len` of each header is written; the whole array is reported.
    .writes(&[result_units(1, 2, 64)])
    .blocks(WithFlag),
];
