//! Status of files and file systems, extended attributes.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::{AT_FLAGS, XATTR};
use crate::output::{counted, fixed, result, Output, Rule};
use crate::traits::{Paths, AT_SYMLINK_NOFOLLOW};

/// `struct stat`.
const STAT: u32 = 144;
/// `struct statfs`.
const STATFS: u32 = 120;
/// `struct statx`.
const STATX: u32 = 256;

pub(super) const CALLS: &[SystemCall] = &[
    call(4, "stat", &[("path", Path), ("status", Pointer)])
        .writes(&[fixed(1, STAT)])
        .path(Paths::Followed),
    call(5, "fstat", &[("fd", Fd), ("status", Pointer)]).writes(&[fixed(1, STAT)]),
    call(6, "lstat", &[("path", Path), ("status", Pointer)])
        .writes(&[fixed(1, STAT)])
        .path(Paths::Named),
    // struct ustat: int, long, two names of 6 bytes.
    call(136, "ustat", &[("device", Hex), ("status", Pointer)]).writes(&[fixed(1, 32)]),
    call(137, "statfs", &[("path", Path), ("status", Pointer)])
        .writes(&[fixed(1, STATFS)])
        .path(Paths::Followed),
    call(138, "fstatfs", &[("fd", Fd), ("status", Pointer)]).writes(&[fixed(1, STATFS)]),
    call(
        188,
        "setxattr",
        &[
            ("path", Path),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
            ("flags", Flags(XATTR)),
        ],
    )
    .path(Paths::Followed),
    call(
        189,
        "lsetxattr",
        &[
            ("path", Path),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
            ("flags", Flags(XATTR)),
        ],
    )
    .path(Paths::Named),
    call(
        190,
        "fsetxattr",
        &[
            ("fd", Fd),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
            ("flags", Flags(XATTR)),
        ],
    ),
    // With size 0 the result is the size needed and nothing is written.
    call(
        191,
        "getxattr",
        &[
            ("path", Path),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)])
    .path(Paths::Followed),
    call(
        192,
        "lgetxattr",
        &[
            ("path", Path),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)])
    .path(Paths::Named),
    call(
        193,
        "fgetxattr",
        &[
            ("fd", Fd),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)]),
    call(
        194,
        "listxattr",
        &[("path", Path), ("list", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)])
    .path(Paths::Followed),
    call(
        195,
        "llistxattr",
        &[("path", Path), ("list", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)])
    .path(Paths::Named),
    call(
        196,
        "flistxattr",
        &[("fd", Fd), ("list", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)]),
    call(197, "removexattr", &[("path", Path), ("name", Text)]).path(Paths::Followed),
    call(198, "lremovexattr", &[("path", Path), ("name", Text)]).path(Paths::Named),
    call(199, "fremovexattr", &[("fd", Fd), ("name", Text)]),
    call(
        262,
        "newfstatat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("status", Pointer),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .writes(&[fixed(2, STAT)])
    .path(Paths::FollowedUnless(3, AT_SYMLINK_NOFOLLOW)),
    call(
        332,
        "statx",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("mask", Hex),
            ("status", Pointer),
        ],
    )
    .writes(&[fixed(4, STATX)])
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
    call(
        463,
        "setxattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
    call(
        464,
        "getxattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Text),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[Output::Rule(Rule::ExtendedAttribute)])
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
    call(
        465,
        "listxattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("list", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(3, 4)])
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
    call(
        466,
        "removexattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Text),
        ],
    )
    .path(Paths::FollowedUnless(2, AT_SYMLINK_NOFOLLOW)),
    // The kernel fills what it does not know with zeros, up to the size given.
    call(
        468,
        "file_getattr",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("attributes", Pointer),
            ("size", Size),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .writes(&[counted(2, 3, 1)])
    .path(Paths::FollowedUnless(4, AT_SYMLINK_NOFOLLOW)),
    call(
        469,
        "file_setattr",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("attributes", Pointer),
            ("size", Size),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .path(Paths::FollowedUnless(4, AT_SYMLINK_NOFOLLOW)),
];
