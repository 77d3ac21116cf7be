//! Status of files and file systems, extended attributes.

use crate::call::{call, Kind::*, SystemCall};
use crate::names::flags::{AT_FLAGS, XATTR};
use crate::output::{counted, fixed, result, Output, Rule};

/// `struct stat`.
const STAT: u32 = 144;
/// `struct statfs`.
const STATFS: u32 = 120;
/// `struct statx`.
const STATX: u32 = 256;

pub(super) const CALLS: &[SystemCall] = &[
    call(4, "stat", &[("path", Path), ("status", Pointer)]).writes(&[fixed(1, STAT)]),
    call(5, "fstat", &[("fd", Fd), ("status", Pointer)]).writes(&[fixed(1, STAT)]),
    call(6, "lstat", &[("path", Path), ("status", Pointer)]).writes(&[fixed(1, STAT)]),
    // struct ustat: int, long, two names of 6 bytes.
    call(136, "ustat", &[("device", Hex), ("status", Pointer)]).writes(&[fixed(1, 32)]),
    call(137, "statfs", &[("path", Path), ("status", Pointer)]).writes(&[fixed(1, STATFS)]),
    call(138, "fstatfs", &[("fd", Fd), ("status", Pointer)]).writes(&[fixed(1, STATFS)]),
    call(
        188,
        "setxattr",
        &[
            ("path", Path),
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
            ("flags", Flags(XATTR)),
        ],
    ),
    call(
        189,
        "lsetxattr",
        &[
            ("path", Path),
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
            ("flags", Flags(XATTR)),
        ],
    ),
    call(
        190,
        "fsetxattr",
        &[
            ("fd", Fd),
            ("name", Path),
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
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)]),
    call(
        192,
        "lgetxattr",
        &[
            ("path", Path),
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)]),
    call(
        193,
        "fgetxattr",
        &[
            ("fd", Fd),
            ("name", Path),
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
    .writes(&[result(1, 2)]),
    call(
        195,
        "llistxattr",
        &[("path", Path), ("list", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)]),
    call(
        196,
        "flistxattr",
        &[("fd", Fd), ("list", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)]),
    call(197, "removexattr", &[("path", Path), ("name", Path)]),
    call(198, "lremovexattr", &[("path", Path), ("name", Path)]),
    call(199, "fremovexattr", &[("fd", Fd), ("name", Path)]),
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
    .writes(&[fixed(2, STAT)]),
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
    .writes(&[fixed(4, STATX)]),
    call(
        463,
        "setxattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
        ],
    ),
    call(
        464,
        "getxattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Path),
            ("value", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[Output::Rule(Rule::ExtendedAttribute)]),
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
    .writes(&[result(3, 4)]),
    call(
        466,
        "removexattrat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
            ("name", Path),
        ],
    ),
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
    .writes(&[counted(2, 3, 1)]),
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
    ),
];
