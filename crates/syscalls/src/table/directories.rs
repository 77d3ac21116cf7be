//! Names: directories, links, renames, owners, modes and times of files.

use crate::call::{call, Kind::*, Restart::WithFlag, SystemCall};
use crate::names::flags::{ACCESS, AT_FLAGS, RENAME};
use crate::output::result;

pub(super) const CALLS: &[SystemCall] = &[
    call(21, "access", &[("path", Path), ("mode", Flags(ACCESS))]),
    call(
        78,
        "getdents",
        &[("fd", Fd), ("entries", Pointer), ("count", Unsigned)],
    )
    .writes(&[result(1, 2)]),
    call(79, "getcwd", &[("buffer", Pointer), ("size", Size)]).writes(&[result(0, 1)]),
    call(80, "chdir", &[("path", Path)]),
    call(81, "fchdir", &[("fd", Fd)]),
    call(82, "rename", &[("old", Path), ("new", Path)]),
    call(83, "mkdir", &[("path", Path), ("mode", Mode)]),
    call(84, "rmdir", &[("path", Path)]),
    call(86, "link", &[("old", Path), ("new", Path)]),
    call(87, "unlink", &[("path", Path)]),
    call(88, "symlink", &[("target", Path), ("link", Path)]),
    call(
        89,
        "readlink",
        &[("path", Path), ("buffer", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)]),
    call(90, "chmod", &[("path", Path), ("mode", Mode)]),
    call(91, "fchmod", &[("fd", Fd), ("mode", Mode)]),
    call(
        92,
        "chown",
        &[("path", Path), ("user", Int), ("group", Int)],
    ),
    call(93, "fchown", &[("fd", Fd), ("user", Int), ("group", Int)]),
    call(
        94,
        "lchown",
        &[("path", Path), ("user", Int), ("group", Int)],
    ),
    call(95, "umask", &[("mask", Mode)]),
    call(132, "utime", &[("path", Path), ("times", Pointer)]),
    call(
        133,
        "mknod",
        &[("path", Path), ("mode", Mode), ("device", Hex)],
    ),
    call(
        217,
        "getdents64",
        &[("fd", Fd), ("entries", Pointer), ("count", Size)],
    )
    .writes(&[result(1, 2)]),
    call(235, "utimes", &[("path", Path), ("times", Pointer)]),
    call(
        258,
        "mkdirat",
        &[("directory", DirFd), ("path", Path), ("mode", Mode)],
    ),
    call(
        259,
        "mknodat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Mode),
            ("device", Hex),
        ],
    ),
    call(
        260,
        "fchownat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("user", Int),
            ("group", Int),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        261,
        "futimesat",
        &[("directory", DirFd), ("path", Path), ("times", Pointer)],
    ),
    call(
        263,
        "unlinkat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        264,
        "renameat",
        &[
            ("old_directory", DirFd),
            ("old", Path),
            ("new_directory", DirFd),
            ("new", Path),
        ],
    ),
    call(
        265,
        "linkat",
        &[
            ("old_directory", DirFd),
            ("old", Path),
            ("new_directory", DirFd),
            ("new", Path),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        266,
        "symlinkat",
        &[("target", Path), ("directory", DirFd), ("link", Path)],
    ),
    call(
        267,
        "readlinkat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("buffer", Pointer),
            ("size", Size),
        ],
    )
    .writes(&[result(2, 3)]),
    call(
        268,
        "fchmodat",
        &[("directory", DirFd), ("path", Path), ("mode", Mode)],
    ),
    call(
        269,
        "faccessat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Flags(ACCESS)),
        ],
    ),
    call(
        280,
        "utimensat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("times", Pointer),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        316,
        "renameat2",
        &[
            ("old_directory", DirFd),
            ("old", Path),
            ("new_directory", DirFd),
            ("new", Path),
            ("flags", Flags(RENAME)),
        ],
    ),
    call(
        439,
        "faccessat2",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Flags(ACCESS)),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        452,
        "fchmodat2",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Mode),
            ("flags", Flags(AT_FLAGS)),
        ],
    ),
    call(
        254,
        "inotify_add_watch",
        &[("fd", Fd), ("path", Path), ("mask", Hex)],
    ),
    call(255, "inotify_rm_watch", &[("fd", Fd), ("watch", Int)]),
    call(
        301,
        "fanotify_mark",
        &[
            ("fd", Fd),
            ("flags", Hex),
            ("mask", Hex),
            ("directory", DirFd),
            ("path", Path),
        ],
    )
    .blocks(WithFlag),
];
