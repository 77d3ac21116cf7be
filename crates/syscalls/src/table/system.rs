//! The machine: names, log, modules, random numbers, things only an administrator does.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::Class;
use crate::names::flags::RANDOM;
use crate::output::{fixed, result, Output, Rule};
use crate::traits::Paths;
use crate::wait::{Restart, Wait};

const EPERM: i32 = 1;

pub(super) const CALLS: &[SystemCall] = &[
    // Six names of 65 bytes.
    call(63, "uname", &[("names", Pointer)]).writes(&[fixed(0, 390)]),
    call(99, "sysinfo", &[("information", Pointer)]).writes(&[fixed(0, 112)]),
    call(
        103,
        "syslog",
        &[("action", Int), ("buffer", Pointer), ("size", Int)],
    )
    .writes(&[Output::Rule(Rule::KernelLog)])
    .waits(
        Wait::WithTurn("it waits for nobody but the kernel"),
        Restart::WithFlag,
    ),
    call(139, "sysfs", &[("option", Int), ("a", Hex), ("b", Pointer)])
        .writes(&[Output::Rule(Rule::SysfsName)]),
    call(153, "vhangup", &[]),
    call(163, "acct", &[("path", Path)]).path(Paths::Followed),
    call(
        169,
        "reboot",
        &[
            ("magic", Hex),
            ("magic2", Hex),
            ("command", Hex),
            ("argument", Pointer),
        ],
    ),
    call(170, "sethostname", &[("name", Text), ("length", Size)]),
    call(171, "setdomainname", &[("name", Text), ("length", Size)]),
    call(172, "iopl", &[("level", Int)]).refused(EPERM, "device registers are not recorded"),
    call(
        173,
        "ioperm",
        &[("from", Size), ("count", Size), ("on", Int)],
    )
    .refused(EPERM, "device registers are not recorded"),
    call(
        175,
        "init_module",
        &[("image", Pointer), ("size", Size), ("parameters", Text)],
    )
    .waits(Wait::Directly, Restart::None),
    call(176, "delete_module", &[("name", Text), ("flags", Hex)])
        .waits(Wait::Directly, Restart::None),
    call(
        246,
        "kexec_load",
        &[
            ("entry", Pointer),
            ("count", Size),
            ("segments", Pointer),
            ("flags", Hex),
        ],
    ),
    call(
        313,
        "finit_module",
        &[("fd", Fd), ("parameters", Text), ("flags", Hex)],
    )
    .waits(Wait::Directly, Restart::None),
    call(
        318,
        "getrandom",
        &[
            ("buffer", Pointer),
            ("count", Size),
            ("flags", Flags(RANDOM)),
        ],
    )
    .writes(&[result(0, 1)])
    .waits(
        Wait::WithTurn("it waits only while the machine starts"),
        Restart::WithFlag,
    ),
    call(
        320,
        "kexec_file_load",
        &[
            ("kernel", Fd),
            ("initrd", Fd),
            ("length", Size),
            ("command_line", Text),
            ("flags", Hex),
        ],
    ),
    call(
        321,
        "bpf",
        &[
            ("command", Int),
            ("attributes", Pointer),
            ("size", Unsigned),
        ],
    )
    .class(Class::Declined(
        EPERM,
        "its maps are shared memory that the kernel writes at any time",
    )),
    // Trampolines of kernel probes; a program that calls them is killed.
    call(335, "uretprobe", &[]).class(Class::Declined(38, "only the kernel's probes may call it")),
    call(336, "uprobe", &[]),
];
