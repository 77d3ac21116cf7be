//! System V and POSIX interprocess communication.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::Class;
use crate::class::MemoryAction::*;
use crate::names::flags::IPC_COMMAND;
use crate::output::{fixed, result, Output, Rule};
use crate::traits::Descriptors;
use crate::wait::{Restart, TimeLimit, Wait};

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
    .class(Class::Memory(AttachSegment))
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
    .waits(Wait::Directly, Restart::Interrupted),
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
    call(67, "shmdt", &[("address", Pointer)]).class(Class::Memory(DetachSegment)),
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
    .waits(Wait::Directly, Restart::NoHandler),
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
    .waits(Wait::Scratch, Restart::NoHandler),
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
    .waits(Wait::Directly, Restart::Interrupted)
    .at_most(TimeLimit::Time(3)),
    call(
        240,
        "mq_open",
        &[
            ("name", Text),
            ("flags", Open),
            ("mode", Mode),
            ("attributes", Pointer),
        ],
    )
    .makes(Descriptors::Result),
    call(241, "mq_unlink", &[("name", Text)]),
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
    .waits(Wait::Directly, Restart::WithFlag),
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
    .waits(Wait::Scratch, Restart::WithFlag),
    call(244, "mq_notify", &[("queue", Fd), ("event", Pointer)]),
    call(
        245,
        "mq_getsetattr",
        &[("queue", Fd), ("new", Pointer), ("old", Pointer)],
    )
    .writes(&[fixed(2, 64)]),
];
