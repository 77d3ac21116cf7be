//! Descriptors that deliver events: signals, timers, counters, file changes; asynchronous I/O.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::{Class, SignalAction, SpecialAction};
use crate::names::flags::{CLOCK, DESCRIPTOR, EVENTFD, TIMER_FLAGS};
use crate::output::fixed;
use crate::traits::Descriptors;
use crate::wait::{Restart, SignalMask, Wait};

const ENOSYS: i32 = 38;
const EACCES: i32 = 13;
const NO_RINGS: &str =
    "the kernel would write to the program's memory at any time; programs fall back to plain calls";

const ASYNCHRONOUS: Class = Class::Special(SpecialAction::AsynchronousIo);

pub(super) const CALLS: &[SystemCall] = &[
    // Carried out when they are submitted; what is written is logged there.
    call(
        206,
        "io_setup",
        &[("count", Unsigned), ("context", Pointer)],
    )
    .class(ASYNCHRONOUS),
    call(207, "io_destroy", &[("context", Hex)]).class(ASYNCHRONOUS),
    call(
        208,
        "io_getevents",
        &[
            ("context", Hex),
            ("minimum", Long),
            ("count", Long),
            ("events", Pointer),
            ("timeout", Pointer),
        ],
    )
    .class(ASYNCHRONOUS)
    .waits(Wait::Directly, Restart::Interrupted),
    call(
        209,
        "io_submit",
        &[("context", Hex), ("count", Long), ("blocks", Pointer)],
    )
    .class(ASYNCHRONOUS)
    .waits(
        Wait::WithTurn("its requests are carried out one after another"),
        Restart::Interrupted,
    ),
    call(
        210,
        "io_cancel",
        &[("context", Hex), ("block", Pointer), ("result", Pointer)],
    )
    .class(ASYNCHRONOUS),
    call(253, "inotify_init", &[]).makes(Descriptors::Result),
    // Signals are virtual while recording: a kernel-side signalfd needs the recorder's help.
    call(
        282,
        "signalfd",
        &[("fd", Fd), ("mask", Pointer), ("size", Size)],
    )
    .class(Class::Signal(SignalAction::Plain))
    .makes(Descriptors::Result),
    call(
        283,
        "timerfd_create",
        &[("clock", Choice(CLOCK)), ("flags", Flags(DESCRIPTOR))],
    )
    .makes(Descriptors::Result),
    call(284, "eventfd", &[("initial", Unsigned)]).makes(Descriptors::Result),
    call(
        286,
        "timerfd_settime",
        &[
            ("fd", Fd),
            ("flags", Flags(TIMER_FLAGS)),
            ("new", Pointer),
            ("old", Pointer),
        ],
    )
    .writes(&[fixed(3, 32)]),
    call(287, "timerfd_gettime", &[("fd", Fd), ("current", Pointer)]).writes(&[fixed(1, 32)]),
    call(
        289,
        "signalfd4",
        &[
            ("fd", Fd),
            ("mask", Pointer),
            ("size", Size),
            ("flags", Flags(DESCRIPTOR)),
        ],
    )
    .class(Class::Signal(SignalAction::Plain))
    .makes(Descriptors::Result),
    call(
        290,
        "eventfd2",
        &[("initial", Unsigned), ("flags", Flags(EVENTFD))],
    )
    .makes(Descriptors::Result),
    call(294, "inotify_init1", &[("flags", Flags(DESCRIPTOR))]).makes(Descriptors::Result),
    call(
        298,
        "perf_event_open",
        &[
            ("attributes", Pointer),
            ("pid", Int),
            ("cpu", Int),
            ("group", Fd),
            ("flags", Hex),
        ],
    )
    .declined(
        EACCES,
        "its ring is shared memory that the kernel writes at any time",
    ),
    call(
        300,
        "fanotify_init",
        &[("flags", Hex), ("event_flags", Open)],
    )
    .makes(Descriptors::Result),
    call(323, "userfaultfd", &[("flags", Hex)]).declined(
        ENOSYS,
        "page faults would be answered by another thread or process at any time",
    ),
    call(
        333,
        "io_pgetevents",
        &[
            ("context", Hex),
            ("minimum", Long),
            ("count", Long),
            ("events", Pointer),
            ("timeout", Pointer),
            ("mask", Pointer),
        ],
    )
    .class(ASYNCHRONOUS)
    .waits(Wait::Directly, Restart::Interrupted)
    .masks(SignalMask::Indirect(5)),
    call(
        425,
        "io_uring_setup",
        &[("entries", Unsigned), ("parameters", Pointer)],
    )
    .declined(ENOSYS, NO_RINGS),
    call(
        426,
        "io_uring_enter",
        &[
            ("fd", Fd),
            ("submit", Unsigned),
            ("minimum", Unsigned),
            ("flags", Hex),
            ("argument", Pointer),
            ("size", Size),
        ],
    )
    .declined(ENOSYS, NO_RINGS),
    call(
        427,
        "io_uring_register",
        &[
            ("fd", Fd),
            ("operation", Unsigned),
            ("argument", Pointer),
            ("count", Unsigned),
        ],
    )
    .declined(ENOSYS, NO_RINGS),
];
