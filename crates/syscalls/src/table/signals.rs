//! Signals. Handlers, masks and pending signals are kept by the recorder.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::SignalAction::{
    FromKernel, Pause, Pending, ReturnFromHandler, SetAction, SetMask, SetStack,
};
use crate::class::{Class, SignalAction};
use crate::names::flags::MASK_HOW;
use crate::output::{counted, fixed};
use crate::traits::Sends;
use crate::wait::{Restart, SignalMask, TimeLimit, Wait};

/// `siginfo_t`: the kernel clears what it does not use.
const SIGNAL_INFO: u32 = 128;
/// `struct sigaction` of the kernel: handler, flags, restorer, mask.
const SIGNAL_ACTION: u32 = 32;

pub(super) const CALLS: &[SystemCall] = &[
    call(
        13,
        "rt_sigaction",
        &[
            ("signal", Signal),
            ("new", Pointer),
            ("old", Pointer),
            ("mask_size", Size),
        ],
    )
    .class(Class::Signal(SetAction))
    .writes(&[fixed(2, SIGNAL_ACTION)]),
    call(
        14,
        "rt_sigprocmask",
        &[
            ("how", Choice(MASK_HOW)),
            ("new", Pointer),
            ("old", Pointer),
            ("mask_size", Size),
        ],
    )
    .class(Class::Signal(SetMask))
    .writes(&[counted(2, 3, 1)]),
    call(15, "rt_sigreturn", &[]).class(Class::Signal(ReturnFromHandler)),
    call(34, "pause", &[])
        .class(Class::Signal(Pause))
        .waits(Wait::Directly, Restart::NoHandler),
    call(62, "kill", &[("pid", Int), ("signal", Signal)]).sends(Sends::Process {
        pid: 0,
        signal: 1,
        information: None,
    }),
    call(
        127,
        "rt_sigpending",
        &[("mask", Pointer), ("mask_size", Size)],
    )
    .class(Class::Signal(Pending))
    .writes(&[counted(0, 1, 1)]),
    call(
        128,
        "rt_sigtimedwait",
        &[
            ("mask", Pointer),
            ("info", Pointer),
            ("timeout", Pointer),
            ("mask_size", Size),
        ],
    )
    .class(Class::Signal(FromKernel))
    .writes(&[fixed(1, SIGNAL_INFO)])
    .waits(Wait::Scratch, Restart::Interrupted)
    .at_most(TimeLimit::Time(2)),
    call(
        129,
        "rt_sigqueueinfo",
        &[("pid", Int), ("signal", Signal), ("info", Pointer)],
    )
    .sends(Sends::Process {
        pid: 0,
        signal: 1,
        information: Some(2),
    }),
    call(
        130,
        "rt_sigsuspend",
        &[("mask", Pointer), ("mask_size", Size)],
    )
    .class(Class::Signal(FromKernel))
    .waits(Wait::Directly, Restart::NoHandler)
    .masks(SignalMask::Argument(0)),
    call(131, "sigaltstack", &[("new", Pointer), ("old", Pointer)])
        .class(Class::Signal(SetStack))
        .writes(&[fixed(1, 24)]),
    call(200, "tkill", &[("tid", Int), ("signal", Signal)]).sends(Sends::Thread {
        tid: 0,
        signal: 1,
        information: None,
    }),
    // The kernel's own way to continue an interrupted sleep; never called by programs.
    call(219, "restart_syscall", &[])
        .class(Class::Signal(SignalAction::Plain))
        .waits(Wait::Directly, Restart::Block),
    call(
        234,
        "tgkill",
        &[("pid", Int), ("tid", Int), ("signal", Signal)],
    )
    .sends(Sends::Thread {
        tid: 1,
        signal: 2,
        information: None,
    }),
    call(
        297,
        "rt_tgsigqueueinfo",
        &[
            ("pid", Int),
            ("tid", Int),
            ("signal", Signal),
            ("info", Pointer),
        ],
    )
    .sends(Sends::Thread {
        tid: 1,
        signal: 2,
        information: Some(3),
    }),
    call(
        424,
        "pidfd_send_signal",
        &[
            ("pidfd", Fd),
            ("signal", Signal),
            ("info", Pointer),
            ("flags", Hex),
        ],
    )
    .sends(Sends::Descriptor {
        pidfd: 0,
        signal: 1,
        information: Some(2),
    }),
];
