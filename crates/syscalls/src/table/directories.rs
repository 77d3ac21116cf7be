//! Names: directories, links, renames, owners, modes and times of files.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::{Class, SpecialAction};
use crate::names::flags::{ACCESS, AT_FLAGS, RENAME};
use crate::output::result;
use crate::traits::{Paths, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW};
use crate::wait::{Restart, Wait};

const FAN_MARK_DONT_FOLLOW: u64 = 4;
const IN_DONT_FOLLOW: u64 = 0x0200_0000;

pub(super) const CALLS: &[SystemCall] = &[
    call(21, "access", &[("path", Path), ("mode", Flags(ACCESS))]).path(Paths::Followed),
    call(
        78,
        "getdents",
        &[("fd", Fd), ("entries", Pointer), ("count", Unsigned)],
    )
    .class(Class::Special(SpecialAction::ListDirectory))
    .writes(&[result(1, 2)]),
    call(79, "getcwd", &[("buffer", Pointer), ("size", Size)]).writes(&[result(0, 1)]),
    call(80, "chdir", &[("path", Path)]).path(Paths::Followed),
    call(81, "fchdir", &[("fd", Fd)]),
    call(82, "rename", &[("old", Path), ("new", Path)]).path(Paths::Named),
    call(83, "mkdir", &[("path", Path), ("mode", Mode)]).path(Paths::Named),
    call(84, "rmdir", &[("path", Path)]).path(Paths::Named),
    call(86, "link", &[("old", Path), ("new", Path)]).path(Paths::Named),
    call(87, "unlink", &[("path", Path)]).path(Paths::Named),
    call(88, "symlink", &[("target", Text), ("link", Path)]).path(Paths::Named),
    call(
        89,
        "readlink",
        &[("path", Path), ("buffer", Pointer), ("size", Size)],
    )
    .writes(&[result(1, 2)])
    .path(Paths::LinkRead { buffer: 1, size: 2 }),
    call(90, "chmod", &[("path", Path), ("mode", Mode)]).path(Paths::Followed),
    call(91, "fchmod", &[("fd", Fd), ("mode", Mode)]),
    call(
        92,
        "chown",
        &[("path", Path), ("user", Int), ("group", Int)],
    )
    .path(Paths::Followed),
    call(93, "fchown", &[("fd", Fd), ("user", Int), ("group", Int)]),
    call(
        94,
        "lchown",
        &[("path", Path), ("user", Int), ("group", Int)],
    )
    .path(Paths::Named),
    call(95, "umask", &[("mask", Mode)]),
    call(132, "utime", &[("path", Path), ("times", Pointer)]).path(Paths::Followed),
    call(
        133,
        "mknod",
        &[("path", Path), ("mode", Mode), ("device", Hex)],
    )
    .path(Paths::Named),
    call(
        217,
        "getdents64",
        &[("fd", Fd), ("entries", Pointer), ("count", Size)],
    )
    .class(Class::Special(SpecialAction::ListDirectory))
    .writes(&[result(1, 2)]),
    call(235, "utimes", &[("path", Path), ("times", Pointer)]).path(Paths::Followed),
    call(
        258,
        "mkdirat",
        &[("directory", DirFd), ("path", Path), ("mode", Mode)],
    )
    .path(Paths::Named),
    call(
        259,
        "mknodat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Mode),
            ("device", Hex),
        ],
    )
    .path(Paths::Named),
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
    )
    .path(Paths::FollowedUnless(4, AT_SYMLINK_NOFOLLOW)),
    call(
        261,
        "futimesat",
        &[("directory", DirFd), ("path", Path), ("times", Pointer)],
    )
    .path(Paths::Followed),
    call(
        263,
        "unlinkat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .path(Paths::Named),
    call(
        264,
        "renameat",
        &[
            ("old_directory", DirFd),
            ("old", Path),
            ("new_directory", DirFd),
            ("new", Path),
        ],
    )
    .path(Paths::Named),
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
    )
    .path(Paths::FollowedIf(4, AT_SYMLINK_FOLLOW)),
    call(
        266,
        "symlinkat",
        &[("target", Text), ("directory", DirFd), ("link", Path)],
    )
    .path(Paths::Named),
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
    .writes(&[result(2, 3)])
    .path(Paths::LinkRead { buffer: 2, size: 3 }),
    call(
        268,
        "fchmodat",
        &[("directory", DirFd), ("path", Path), ("mode", Mode)],
    )
    .path(Paths::Followed),
    call(
        269,
        "faccessat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Flags(ACCESS)),
        ],
    )
    .path(Paths::Followed),
    call(
        280,
        "utimensat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("times", Pointer),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .path(Paths::FollowedUnless(3, AT_SYMLINK_NOFOLLOW)),
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
    )
    .path(Paths::Named),
    call(
        439,
        "faccessat2",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Flags(ACCESS)),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .path(Paths::FollowedUnless(3, AT_SYMLINK_NOFOLLOW)),
    call(
        452,
        "fchmodat2",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("mode", Mode),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .path(Paths::FollowedUnless(3, AT_SYMLINK_NOFOLLOW)),
    call(
        254,
        "inotify_add_watch",
        &[("fd", Fd), ("path", Path), ("mask", Hex)],
    )
    .path(Paths::FollowedUnless(2, IN_DONT_FOLLOW)),
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
    .waits(Wait::Directly, Restart::WithFlag)
    .path(Paths::FollowedUnless(1, FAN_MARK_DONT_FOLLOW)),
];
