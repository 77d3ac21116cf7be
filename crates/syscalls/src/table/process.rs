//! Making, replacing, ending, waiting for and looking into processes and threads.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::{Class, ProcessAction, SpecialAction};
use crate::names::flags::{
    ARCH_PRCTL, AT_FLAGS, CLONE, FUTEX_OPERATION, PTRACE, UNSHARE, WAIT, WAIT_ID,
};
use crate::output::{fixed, fixed_when, vector, Output, Rule, When};
use crate::traits::{Descriptors, Nested, Paths, AT_SYMLINK_NOFOLLOW};
use crate::wait::{Restart, Wait};

/// `struct rusage`.
const RUSAGE: u32 = 144;
/// The part of `siginfo_t` that `waitid` fills: up to `si_status`.
const WAIT_INFO: u32 = 28;

pub(super) const CALLS: &[SystemCall] = &[
    call(24, "sched_yield", &[]).class(Class::Special(SpecialAction::Yield)),
    call(39, "getpid", &[]),
    call(
        56,
        "clone",
        &[
            ("flags", Flags(CLONE)),
            ("stack", Pointer),
            ("parent_tid", Pointer),
            ("child_tid", Pointer),
            ("tls", Pointer),
        ],
    )
    .class(Class::Process(ProcessAction::Clone))
    .writes(&[Output::Rule(Rule::Clone)])
    .makes(Descriptors::Command),
    call(57, "fork", &[]).class(Class::Process(ProcessAction::Fork)),
    call(58, "vfork", &[])
        .class(Class::Process(ProcessAction::Vfork))
        .waits(Wait::WithTurn("the child runs in its place"), Restart::None),
    call(
        59,
        "execve",
        &[
            ("path", Path),
            ("arguments", Pointer),
            ("environment", Pointer),
        ],
    )
    .class(Class::Process(ProcessAction::Execute))
    .path(Paths::Followed),
    call(60, "exit", &[("status", Int)]).class(Class::Process(ProcessAction::Exit)),
    // Nothing is written when there is no child to report (0) or on failure.
    call(
        61,
        "wait4",
        &[
            ("pid", Int),
            ("status", Pointer),
            ("options", Flags(WAIT)),
            ("usage", Pointer),
        ],
    )
    .class(Class::Special(SpecialAction::AwaitChild))
    .writes(&[
        fixed_when(1, 4, When::Positive),
        fixed_when(3, RUSAGE, When::Positive),
    ])
    .waits(Wait::Scratch, Restart::WithFlag),
    call(
        101,
        "ptrace",
        &[
            ("request", Choice(PTRACE)),
            ("pid", Int),
            ("address", Pointer),
            ("data", Pointer),
        ],
    )
    .class(Class::Special(SpecialAction::Trace)),
    call(110, "getppid", &[]),
    call(111, "getpgrp", &[]),
    call(109, "setpgid", &[("pid", Int), ("group", Int)]),
    call(112, "setsid", &[]),
    call(121, "getpgid", &[("pid", Int)]),
    call(124, "getsid", &[("pid", Int)]),
    call(135, "personality", &[("persona", Hex)]).class(Class::Special(SpecialAction::Personality)),
    call(
        154,
        "modify_ldt",
        &[("function", Int), ("pointer", Pointer), ("size", Size)],
    )
    .refused(38, "16-bit and 32-bit segments are not recorded"),
    call(
        157,
        "prctl",
        &[
            ("option", Prctl),
            ("a", Hex),
            ("b", Hex),
            ("c", Hex),
            ("d", Hex),
        ],
    )
    .class(Class::Special(SpecialAction::Confine))
    .writes(&[Output::Rule(Rule::Prctl)]),
    // ARCH_SET_FS and ARCH_SET_GS change registers.
    call(
        158,
        "arch_prctl",
        &[("option", Choice(ARCH_PRCTL)), ("address", Pointer)],
    )
    .class(Class::Special(SpecialAction::ProcessorState))
    .writes(&[Output::Rule(Rule::ArchPrctl)]),
    call(186, "gettid", &[]),
    // A lock word is written for the wake-op and by the priority-inheritance operations; the
    // latter also mark it while another thread waits.
    call(
        202,
        "futex",
        &[
            ("word", Pointer),
            ("operation", Choice(FUTEX_OPERATION)),
            ("value", Unsigned),
            ("timeout", Pointer),
            ("word2", Pointer),
            ("value3", Unsigned),
        ],
    )
    .writes(&[Output::Rule(Rule::Futex)])
    .waits(Wait::Futex, Restart::WithFlag),
    // The kernel clears the word and wakes a waiter when the thread ends.
    call(218, "set_tid_address", &[("word", Pointer)])
        .class(Class::Special(SpecialAction::SetClearedWord)),
    call(231, "exit_group", &[("status", Int)]).class(Class::Process(ProcessAction::ExitGroup)),
    // Filled even when it fails, ECHILD and EINTR included; zeros if there was no child.
    call(
        247,
        "waitid",
        &[
            ("which", Choice(WAIT_ID)),
            ("id", Int),
            ("info", Pointer),
            ("options", Flags(WAIT)),
            ("usage", Pointer),
        ],
    )
    .class(Class::Special(SpecialAction::AwaitChild))
    .writes(&[fixed_when(2, WAIT_INFO, When::Always), fixed(4, RUSAGE)])
    .waits(Wait::Scratch, Restart::WithFlag),
    call(272, "unshare", &[("flags", Flags(UNSHARE))])
        .class(Class::Special(SpecialAction::Namespaces))
        .makes(Descriptors::OwnTable(0)),
    // The kernel writes to the list's words when the thread ends.
    call(
        273,
        "set_robust_list",
        &[("head", Pointer), ("length", Size)],
    )
    .class(Class::Special(SpecialAction::SetRobustList)),
    call(
        274,
        "get_robust_list",
        &[("pid", Int), ("head", Pointer), ("length", Pointer)],
    )
    .writes(&[fixed(1, 8), fixed(2, 8)]),
    call(308, "setns", &[("fd", Fd), ("kind", Flags(UNSHARE))])
        .class(Class::Special(SpecialAction::Namespaces)),
    call(
        310,
        "process_vm_readv",
        &[
            ("pid", Int),
            ("local", Pointer),
            ("local_count", Size),
            ("remote", Pointer),
            ("remote_count", Size),
            ("flags", Hex),
        ],
    )
    .writes(&[vector(1, 2)])
    .names(&[
        Nested::Vector {
            pointer: 1,
            count: 2,
        },
        Nested::Vector {
            pointer: 3,
            count: 4,
        },
    ]),
    // Into the process itself the remote buffers are reported.
    call(
        311,
        "process_vm_writev",
        &[
            ("pid", Int),
            ("local", Pointer),
            ("local_count", Size),
            ("remote", Pointer),
            ("remote_count", Size),
            ("flags", Hex),
        ],
    )
    .class(Class::Special(SpecialAction::WriteToProcess))
    .writes(&[Output::Rule(Rule::RemoteVector)])
    .names(&[
        Nested::Vector {
            pointer: 1,
            count: 2,
        },
        Nested::Vector {
            pointer: 3,
            count: 4,
        },
    ]),
    call(
        312,
        "kcmp",
        &[
            ("pid1", Int),
            ("pid2", Int),
            ("kind", Int),
            ("index1", Size),
            ("index2", Size),
        ],
    ),
    call(
        317,
        "seccomp",
        &[
            ("operation", Unsigned),
            ("flags", Hex),
            ("argument", Pointer),
        ],
    )
    .class(Class::Special(SpecialAction::Confine))
    .writes(&[Output::Rule(Rule::Filter)]),
    call(
        322,
        "execveat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("arguments", Pointer),
            ("environment", Pointer),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .class(Class::Process(ProcessAction::Execute))
    .path(Paths::FollowedUnless(4, AT_SYMLINK_NOFOLLOW)),
    call(
        334,
        "rseq",
        &[
            ("area", Pointer),
            ("length", Unsigned),
            ("flags", Hex),
            ("signature", Hex),
        ],
    )
    .declined(
        38,
        "the kernel would write the processor number at any time",
    ),
    call(435, "clone3", &[("arguments", Pointer), ("size", Size)])
        .class(Class::Process(ProcessAction::CloneStructure))
        .writes(&[Output::Rule(Rule::Clone3)])
        .makes(Descriptors::Command),
    call(
        444,
        "landlock_create_ruleset",
        &[("attributes", Pointer), ("size", Size), ("flags", Hex)],
    ),
    call(
        445,
        "landlock_add_rule",
        &[
            ("ruleset", Fd),
            ("kind", Int),
            ("attributes", Pointer),
            ("flags", Hex),
        ],
    ),
    call(
        446,
        "landlock_restrict_self",
        &[("ruleset", Fd), ("flags", Hex)],
    )
    .class(Class::Special(SpecialAction::RestrictFiles)),
    call(
        449,
        "futex_waitv",
        &[
            ("waiters", Pointer),
            ("count", Unsigned),
            ("flags", Hex),
            ("timeout", Pointer),
            ("clock", Int),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag),
    call(
        454,
        "futex_wake",
        &[
            ("word", Pointer),
            ("mask", Hex),
            ("count", Int),
            ("flags", Hex),
        ],
    ),
    call(
        455,
        "futex_wait",
        &[
            ("word", Pointer),
            ("value", Size),
            ("mask", Hex),
            ("flags", Hex),
            ("timeout", Pointer),
            ("clock", Int),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag),
    call(
        456,
        "futex_requeue",
        &[
            ("waiters", Pointer),
            ("flags", Hex),
            ("wake", Int),
            ("requeue", Int),
        ],
    ),
];
