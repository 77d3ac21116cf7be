//! Mounts, quotas, swap: the file-system tree as a whole.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::AT_FLAGS;
use crate::output::{result_units, Output, Rule};
use crate::traits::{Descriptors, Paths, AT_SYMLINK_NOFOLLOW};
use crate::wait::{Restart, Wait};

const MOVE_MOUNT_F_SYMLINKS: u64 = 1;
const FSPICK_SYMLINK_NOFOLLOW: u64 = 2;
const UMOUNT_NOFOLLOW: u64 = 8;

pub(super) const CALLS: &[SystemCall] = &[
    call(155, "pivot_root", &[("new", Path), ("put_old", Path)]).path(Paths::Followed),
    call(161, "chroot", &[("path", Path)]).path(Paths::Followed),
    call(162, "sync", &[]).waits(Wait::Directly, Restart::None),
    call(
        165,
        "mount",
        &[
            ("source", Path),
            ("target", Path),
            ("kind", Text),
            ("flags", Hex),
            ("data", Pointer),
        ],
    )
    .waits(Wait::Directly, Restart::None)
    .path(Paths::Followed),
    call(166, "umount2", &[("target", Path), ("flags", Hex)])
        .waits(Wait::Directly, Restart::None)
        .path(Paths::FollowedUnless(1, UMOUNT_NOFOLLOW)),
    call(167, "swapon", &[("path", Path), ("flags", Hex)]).path(Paths::Followed),
    call(168, "swapoff", &[("path", Path)])
        .waits(Wait::Directly, Restart::None)
        .path(Paths::Followed),
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
    .writes(&[Output::Rule(Rule::Quota)])
    .path(Paths::Followed),
    call(306, "syncfs", &[("fd", Fd)]).waits(Wait::Directly, Restart::None),
    call(
        428,
        "open_tree",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .makes(Descriptors::Result)
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
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
    )
    .path(Paths::FollowedIf(4, MOVE_MOUNT_F_SYMLINKS)),
    call(430, "fsopen", &[("kind", Text), ("flags", Hex)]).makes(Descriptors::Result),
    call(
        431,
        "fsconfig",
        &[
            ("fd", Fd),
            ("command", Unsigned),
            ("key", Text),
            ("value", Pointer),
            ("auxiliary", Int),
        ],
    )
    .waits(Wait::Directly, Restart::None),
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
    .makes(Descriptors::Result)
    .path(Paths::FollowedUnless(2, FSPICK_SYMLINK_NOFOLLOW)),
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
    )
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
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
    .makes(Descriptors::Result)
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
];
