//! Clocks, timers and sleeping.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::{CLOCK, INTERVAL_TIMER, TIMER_FLAGS};
use crate::output::{fixed, fixed_when, Output, Rule, When};
use crate::wait::{Restart, TimeLimit, Wait};

const EINTR: i32 = 4;
/// `struct timex`.
const TIMEX: u32 = 208;

pub(super) const CALLS: &[SystemCall] = &[
    call(
        35,
        "nanosleep",
        &[("time", Pointer), ("remaining", Pointer)],
    )
    .writes(&[fixed_when(1, 16, When::Error(EINTR))])
    .waits(Wait::Scratch, Restart::Block)
    .at_most(TimeLimit::Sleep { time: 0, left: 1 }),
    call(
        36,
        "getitimer",
        &[("which", Choice(INTERVAL_TIMER)), ("current", Pointer)],
    )
    .writes(&[fixed(1, 32)]),
    call(37, "alarm", &[("seconds", Unsigned)]),
    call(
        38,
        "setitimer",
        &[
            ("which", Choice(INTERVAL_TIMER)),
            ("new", Pointer),
            ("old", Pointer),
        ],
    )
    .writes(&[fixed(2, 32)]),
    call(96, "gettimeofday", &[("time", Pointer), ("zone", Pointer)])
        .writes(&[fixed(0, 16), fixed(1, 8)]),
    call(100, "times", &[("times", Pointer)]).writes(&[fixed(0, 32)]),
    // Copied back even when the change was not allowed.
    call(159, "adjtimex", &[("parameters", Pointer)]).writes(&[fixed_when(0, TIMEX, When::Always)]),
    call(164, "settimeofday", &[("time", Pointer), ("zone", Pointer)]),
    call(201, "time", &[("time", Pointer)]).writes(&[fixed(0, 8)]),
    // The identifier is written before the last steps, which may fail.
    call(
        222,
        "timer_create",
        &[
            ("clock", Choice(CLOCK)),
            ("event", Pointer),
            ("timer", Pointer),
        ],
    )
    .writes(&[fixed_when(2, 4, When::Always)]),
    call(
        223,
        "timer_settime",
        &[
            ("timer", Int),
            ("flags", Flags(TIMER_FLAGS)),
            ("new", Pointer),
            ("old", Pointer),
        ],
    )
    .writes(&[fixed(3, 32)]),
    call(
        224,
        "timer_gettime",
        &[("timer", Int), ("current", Pointer)],
    )
    .writes(&[fixed(1, 32)]),
    call(225, "timer_getoverrun", &[("timer", Int)]),
    call(226, "timer_delete", &[("timer", Int)]),
    call(
        227,
        "clock_settime",
        &[("clock", Choice(CLOCK)), ("time", Pointer)],
    ),
    call(
        228,
        "clock_gettime",
        &[("clock", Choice(CLOCK)), ("time", Pointer)],
    )
    .writes(&[fixed(1, 16)]),
    call(
        229,
        "clock_getres",
        &[("clock", Choice(CLOCK)), ("resolution", Pointer)],
    )
    .writes(&[fixed(1, 16)]),
    call(
        230,
        "clock_nanosleep",
        &[
            ("clock", Choice(CLOCK)),
            ("flags", Flags(TIMER_FLAGS)),
            ("time", Pointer),
            ("remaining", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::Remaining)])
    .waits(Wait::Scratch, Restart::Block)
    .at_most(TimeLimit::Sleep { time: 2, left: 3 }),
    call(
        305,
        "clock_adjtime",
        &[("clock", Choice(CLOCK)), ("parameters", Pointer)],
    )
    .writes(&[fixed_when(1, TIMEX, When::Always)]),
];
