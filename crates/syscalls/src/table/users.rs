//! Users, groups and capabilities.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::output::{fixed, Output, Rule, When};

pub(super) const CALLS: &[SystemCall] = &[
    call(102, "getuid", &[]),
    call(104, "getgid", &[]),
    call(105, "setuid", &[("user", Int)]),
    call(106, "setgid", &[("group", Int)]),
    call(107, "geteuid", &[]),
    call(108, "getegid", &[]),
    call(113, "setreuid", &[("real", Int), ("effective", Int)]),
    call(114, "setregid", &[("real", Int), ("effective", Int)]),
    call(115, "getgroups", &[("count", Int), ("groups", Pointer)])
        .writes(&[Output::Rule(Rule::Groups)]),
    call(116, "setgroups", &[("count", Int), ("groups", Pointer)]),
    call(
        117,
        "setresuid",
        &[("real", Int), ("effective", Int), ("saved", Int)],
    ),
    call(
        118,
        "getresuid",
        &[
            ("real", Pointer),
            ("effective", Pointer),
            ("saved", Pointer),
        ],
    )
    .writes(&[fixed(0, 4), fixed(1, 4), fixed(2, 4)]),
    call(
        119,
        "setresgid",
        &[("real", Int), ("effective", Int), ("saved", Int)],
    ),
    call(
        120,
        "getresgid",
        &[
            ("real", Pointer),
            ("effective", Pointer),
            ("saved", Pointer),
        ],
    )
    .writes(&[fixed(0, 4), fixed(1, 4), fixed(2, 4)]),
    call(122, "setfsuid", &[("user", Int)]),
    call(123, "setfsgid", &[("group", Int)]),
    call(125, "capget", &[("header", Pointer), ("data", Pointer)])
        .writes(&[Output::Rule(Rule::Capabilities)]),
    call(126, "capset", &[("header", Pointer), ("data", Pointer)])
        .writes(&[Output::Rule(Rule::Capabilities)]),
    // The size is written on failure too (E2BIG, EOPNOTSUPP).
    call(
        459,
        "lsm_get_self_attr",
        &[
            ("attribute", Unsigned),
            ("context", Pointer),
            ("size", Pointer),
            ("flags", Hex),
        ],
    )
    .writes(&[Output::ValueResult {
        pointer: 1,
        length: 2,
        when: When::Always,
    }]),
    call(
        460,
        "lsm_set_self_attr",
        &[
            ("attribute", Unsigned),
            ("context", Pointer),
            ("size", Unsigned),
            ("flags", Hex),
        ],
    ),
    call(
        461,
        "lsm_list_modules",
        &[("ids", Pointer), ("size", Pointer), ("flags", Hex)],
    )
    .writes(&[Output::ValueResult {
        pointer: 0,
        length: 1,
        when: When::Always,
    }]),
    call(
        248,
        "add_key",
        &[
            ("kind", Text),
            ("description", Text),
            ("payload", Pointer),
            ("size", Size),
            ("ring", Int),
        ],
    ),
    call(
        249,
        "request_key",
        &[
            ("kind", Text),
            ("description", Text),
            ("information", Pointer),
            ("ring", Int),
        ],
    ),
    call(
        250,
        "keyctl",
        &[
            ("operation", Int),
            ("a", Hex),
            ("b", Hex),
            ("c", Hex),
            ("d", Hex),
        ],
    )
    .writes(&[Output::Rule(Rule::Keys)]),
];
