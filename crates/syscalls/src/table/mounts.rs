//! Mounts, quotas, swap: the file-system tree as a whole.

use crate::call::{call, Descriptors, Kind::*, Restart::*, SystemCall};
use crate::names::flags::AT_FLAGS;
use crate::output::{result_units, Output, Rule};

pub(super) const CALLS: &[SystemCall] = &[
    call(155, "pivot_root", &[("new", Path), ("put_old", Path)]),
    call(161, "chroot", &[("path", Path)]),
    call(162, "sync", &[]).blocks(None),
    call(
        165,
        "mount",
        &[
            ("source", Path),
            ("target", Path),
            ("kind", Path),
            ("flags", Hex),
            ("data", Pointer),
        ],
    )
    .blocks(None),
    call(166, "umount2", &[("target", Path), ("flags", Hex)]).blocks(None),
    call(167, "swapon", &[("path", Path), ("flags", Hex)]),
    call(168, "swapoff", &[("path", Path)]).blocks(None),
    call(
        179,
        "quotactl",
        &[
            ("command", Hex),
            ("device", Path),
            ("id", Int),
            ("address", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::Quota)]),
    call(306, "syncfs", &[("fd", Fd)]).blocks(None),
    call(
        428,
        "open_tree",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .makes(Descriptors::Result),
    call(
        429,
        "move_mount",
        &[
            ("from_directory", DirFd),
            ("from", Path),
            ("to_directory", DirFd),
            ("to", Path),
            ("flags", Hex),
        ],
    ),
    call(430, "fsopen", &[("kind", Path), ("flags", Hex)]).makes(Descriptors::Result),
    call(
        431,
        "fsconfig",
        &[
            ("fd", Fd),
            ("command", Unsigned),
            ("key", Path),
            ("value", Pointer),
            ("auxiliary", Int),
        ],
    )
    .blocks(None),
    call(
        432,
        "fsmount",
        &[("fd", Fd), ("flags", Hex), ("attributes", Hex)],
    )
    .makes(Descriptors::Result),
    call(
        433,
        "fspick",
        &[("directory", DirFd), ("path", Path), ("flags", Hex)],
    )
    .makes(Descriptors::Result),
    call(
        442,
        "mount_setattr",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("attributes", Pointer),
            ("size", Size),
        ],
    ),
    call(
        443,
        "quotactl_fd",
        &[
            ("fd", Fd),
            ("command", Hex),
            ("id", Int),
            ("address", Pointer),
        ],
    )
    .writes(&[Output::Rule(Rule::QuotaByDescriptor)]),
    call(
        457,
        "statmount",
        &[
            ("request", Pointer),
            ("buffer", Pointer),
            ("size", Size),
            ("flags", Hex),
        ],
    )
    .writes(&[Output::Rule(Rule::StatMount)]),
    call(
        458,
        "listmount",
        &[
            ("request", Pointer),
            ("ids", Pointer),
            ("count", Size),
            ("flags", Hex),
        ],
    )
    .writes(&[result_units(1, 2, 8)]),
    call(
        467,
        "open_tree_attr",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("attributes", Pointer),
            ("size", Size),
        ],
    )
    .makes(Descriptors::Result),
];
