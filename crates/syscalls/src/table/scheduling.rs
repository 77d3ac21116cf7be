//! Priorities, processors, limits and use of resources.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::{Class, SpecialAction::Limit};
use crate::names::flags::{PRIORITY, RESOURCE, RUSAGE_WHO, SCHEDULER};
use crate::output::{counted, fixed, fixed_when, result, When};

const E2BIG: i32 = 7;

pub(super) const CALLS: &[SystemCall] = &[
    call(
        97,
        "getrlimit",
        &[("resource", Choice(RESOURCE)), ("limit", Pointer)],
    )
    .class(Class::Special(Limit))
    .writes(&[fixed(1, 16)]),
    call(
        98,
        "getrusage",
        &[("who", Choice(RUSAGE_WHO)), ("usage", Pointer)],
    )
    .writes(&[fixed(1, 144)]),
    call(
        140,
        "getpriority",
        &[("which", Choice(PRIORITY)), ("who", Int)],
    ),
    call(
        141,
        "setpriority",
        &[("which", Choice(PRIORITY)), ("who", Int), ("priority", Int)],
    ),
    call(
        142,
        "sched_setparam",
        &[("pid", Int), ("parameter", Pointer)],
    ),
    call(
        143,
        "sched_getparam",
        &[("pid", Int), ("parameter", Pointer)],
    )
    .writes(&[fixed(1, 4)]),
    call(
        144,
        "sched_setscheduler",
        &[
            ("pid", Int),
            ("policy", Choice(SCHEDULER)),
            ("parameter", Pointer),
        ],
    ),
    call(145, "sched_getscheduler", &[("pid", Int)]),
    call(
        146,
        "sched_get_priority_max",
        &[("policy", Choice(SCHEDULER))],
    ),
    call(
        147,
        "sched_get_priority_min",
        &[("policy", Choice(SCHEDULER))],
    ),
    call(
        148,
        "sched_rr_get_interval",
        &[("pid", Int), ("interval", Pointer)],
    )
    .writes(&[fixed(1, 16)]),
    // RLIMIT_NOFILE: the recorder's descriptors lie just below it.
    call(
        160,
        "setrlimit",
        &[("resource", Choice(RESOURCE)), ("limit", Pointer)],
    )
    .class(Class::Special(Limit)),
    call(
        203,
        "sched_setaffinity",
        &[("pid", Int), ("size", Unsigned), ("mask", Pointer)],
    ),
    // The result is the size of the kernel's mask.
    call(
        204,
        "sched_getaffinity",
        &[("pid", Int), ("size", Unsigned), ("mask", Pointer)],
    )
    .writes(&[result(2, 1)]),
    call(
        251,
        "ioprio_set",
        &[("which", Int), ("who", Int), ("priority", Hex)],
    ),
    call(252, "ioprio_get", &[("which", Int), ("who", Int)]),
    call(
        302,
        "prlimit64",
        &[
            ("pid", Int),
            ("resource", Choice(RESOURCE)),
            ("new", Pointer),
            ("old", Pointer),
        ],
    )
    .class(Class::Special(Limit))
    .writes(&[fixed(3, 16)]),
    call(
        309,
        "getcpu",
        &[("cpu", Pointer), ("node", Pointer), ("unused", Pointer)],
    )
    .writes(&[fixed(0, 4), fixed(1, 4)]),
    // E2BIG: the size the kernel wants is written.
    call(
        314,
        "sched_setattr",
        &[("pid", Int), ("attributes", Pointer), ("flags", Hex)],
    )
    .writes(&[fixed_when(1, 4, When::Error(E2BIG))]),
    // Filled with zeros up to the size given.
    call(
        315,
        "sched_getattr",
        &[
            ("pid", Int),
            ("attributes", Pointer),
            ("size", Unsigned),
            ("flags", Hex),
        ],
    )
    .writes(&[counted(1, 2, 1)]),
];
