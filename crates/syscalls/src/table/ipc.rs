//! System V and POSIX interprocess communication.

use crate::call::{call, Class::Memory, Descriptors, Kind::*, Restart::*, SystemCall};
use crate::names::flags::IPC_COMMAND;
use crate::output::{fixed, result, Output, Rule};

pub(super) const CALLS: &[SystemCall] = &[
    call(
        29,
        "shmget",
        &[("key", Hex), ("size", Size), ("flags", Hex)],
    ),
    call(
        30,
        "shmat",
        &[("id", Int), ("address", Pointer), ("flags", Hex)],
    )
    .class(Memory)
    .returns_address(),
    call(
        31,
        "shmctl",
        &[
            ("id", Int),
            ("command", Choice(IPC_COMMAND)),
            ("buffer", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::SharedMemory)]),
    call(
        64,
        "semget",
        &[("key", Hex), ("count", Int), ("flags", Hex)],
    ),
    call(
        65,
        "semop",
        &[("id", Int), ("operations", Pointer), ("count", Size)],
    )
    .blocks(Interrupted),
    call(
        66,
        "semctl",
        &[
            ("id", Int),
            ("index", Int),
            ("command", Choice(IPC_COMMAND)),
            ("argument", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::Semaphore)]),
    call(67, "shmdt", &[("address", Pointer)]).class(Memory),
    call(68, "msgget", &[("key", Hex), ("flags", Hex)]),
    call(
        69,
        "msgsnd",
        &[
            ("id", Int),
            ("message", Pointer),
            ("size", Size),
            ("flags", Hex),
        ],
    )
    .blocks(NoHandler),
    // The type (long) stands before the text, whose size is the result.
    call(
        70,
        "msgrcv",
        &[
            ("id", Int),
            ("message", Pointer),
            ("size", Size),
            ("kind", Long),
            ("flags", Hex),
        ],
    )
    .writes(&[Output::Result {
        pointer: 1,
        limit: 2,
        unit: 1,
        header: 8,
    }])
    .blocks(NoHandler),
    call(
        71,
        "msgctl",
        &[
            ("id", Int),
            ("command", Choice(IPC_COMMAND)),
            ("buffer", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::MessageQueue)]),
    call(
        220,
        "semtimedop",
        &[
            ("id", Int),
            ("operations", Pointer),
            ("count", Size),
            ("timeout", Pointer),
        ],
    )
    .blocks(Interrupted),
    call(
        240,
        "mq_open",
        &[
            ("name", Path),
            ("flags", Open),
            ("mode", Mode),
            ("attributes", Pointer),
        ],
    )
    .makes(Descriptors::Result),
    call(241, "mq_unlink", &[("name", Path)]),
    call(
        242,
        "mq_timedsend",
        &[
            ("queue", Fd),
            ("message", Pointer),
            ("size", Size),
            ("priority", Unsigned),
            ("timeout", Pointer),
        ],
    )
    .blocks(WithFlag),
    call(
        243,
        "mq_timedreceive",
        &[
            ("queue", Fd),
            ("message", Pointer),
            ("size", Size),
            ("priority", Pointer),
            ("timeout", Pointer),
        ],
    )
    .writes(&[result(1, 2), fixed(3, 4)])
    .blocks(WithFlag),
    call(244, "mq_notify", &[("queue", Fd), ("event", Pointer)]),
    call(
        245,
        "mq_getsetattr",
        &[("queue", Fd), ("new", Pointer), ("old", Pointer)],
    )
    .writes(&[fixed(2, 64)]),
];
