//! Flags and choices of the commonest arguments.

use super::super::{Choice, Flag};

/// `lseek`.
pub(crate) const WHENCE: &[Choice] = &[
    ("SEEK_SET", 0),
    ("SEEK_CUR", 1),
    ("SEEK_END", 2),
    ("SEEK_DATA", 3),
    ("SEEK_HOLE", 4),
];

/// `fadvise64`.
pub(crate) const ADVICE_FILE: &[Choice] = &[
    ("POSIX_FADV_NORMAL", 0),
    ("POSIX_FADV_RANDOM", 1),
    ("POSIX_FADV_SEQUENTIAL", 2),
    ("POSIX_FADV_WILLNEED", 3),
    ("POSIX_FADV_DONTNEED", 4),
    ("POSIX_FADV_NOREUSE", 5),
];

/// `open`, without the access mode.
pub(crate) const OPEN: &[Flag] = &[
    ("O_CREAT", 0x40),
    ("O_EXCL", 0x80),
    ("O_NOCTTY", 0x100),
    ("O_TRUNC", 0x200),
    ("O_APPEND", 0x400),
    ("O_NONBLOCK", 0x800),
    ("O_SYNC", 0x101000),
    ("O_DSYNC", 0x1000),
    ("O_ASYNC", 0x2000),
    ("O_DIRECT", 0x4000),
    ("O_LARGEFILE", 0x8000),
    ("O_TMPFILE", 0x410000),
    ("O_DIRECTORY", 0x10000),
    ("O_NOFOLLOW", 0x20000),
    ("O_NOATIME", 0x40000),
    ("O_CLOEXEC", 0x80000),
    ("O_PATH", 0x200000),
];

/// `pipe2`, `dup3` and others.
pub(crate) const DESCRIPTOR: &[Flag] = &[
    ("O_NONBLOCK", 0x800),
    ("O_DIRECT", 0x4000),
    ("O_CLOEXEC", 0x80000),
    ("O_NOTIFICATION_PIPE", 0x80),
];

/// `access`.
pub(crate) const ACCESS: &[Flag] = &[("F_OK", 0), ("R_OK", 0x4), ("W_OK", 0x2), ("X_OK", 0x1)];

/// Calls on a path below a directory.
pub(crate) const AT_FLAGS: &[Flag] = &[
    ("AT_SYMLINK_NOFOLLOW", 0x100),
    ("AT_REMOVEDIR", 0x200),
    ("AT_SYMLINK_FOLLOW", 0x400),
    ("AT_NO_AUTOMOUNT", 0x800),
    ("AT_EMPTY_PATH", 0x1000),
    ("AT_STATX_FORCE_SYNC", 0x2000),
    ("AT_STATX_DONT_SYNC", 0x4000),
    ("AT_RECURSIVE", 0x8000),
];

/// `renameat2`.
pub(crate) const RENAME: &[Flag] = &[
    ("RENAME_NOREPLACE", 0x1),
    ("RENAME_EXCHANGE", 0x2),
    ("RENAME_WHITEOUT", 0x4),
];

/// `setxattr`.
pub(crate) const XATTR: &[Flag] = &[("XATTR_CREATE", 0x1), ("XATTR_REPLACE", 0x2)];

/// `flock`.
pub(crate) const LOCK: &[Flag] = &[
    ("LOCK_SH", 0x1),
    ("LOCK_EX", 0x2),
    ("LOCK_NB", 0x4),
    ("LOCK_UN", 0x8),
];

/// `splice`, `tee`, `vmsplice`.
pub(crate) const SPLICE: &[Flag] = &[
    ("SPLICE_F_MOVE", 0x1),
    ("SPLICE_F_NONBLOCK", 0x2),
    ("SPLICE_F_MORE", 0x4),
    ("SPLICE_F_GIFT", 0x8),
];

/// `sync_file_range`.
pub(crate) const SYNC_RANGE: &[Flag] = &[
    ("SYNC_FILE_RANGE_WAIT_BEFORE", 0x1),
    ("SYNC_FILE_RANGE_WRITE", 0x2),
    ("SYNC_FILE_RANGE_WAIT_AFTER", 0x4),
];

/// `fallocate`.
pub(crate) const FALLOCATE: &[Flag] = &[
    ("FALLOC_FL_KEEP_SIZE", 0x1),
    ("FALLOC_FL_PUNCH_HOLE", 0x2),
    ("FALLOC_FL_COLLAPSE_RANGE", 0x8),
    ("FALLOC_FL_ZERO_RANGE", 0x10),
    ("FALLOC_FL_INSERT_RANGE", 0x20),
    ("FALLOC_FL_UNSHARE_RANGE", 0x40),
    ("FALLOC_FL_WRITE_ZEROES", 0x80),
];

/// `memfd_create`.
pub(crate) const MEMFD: &[Flag] = &[
    ("MFD_CLOEXEC", 0x1),
    ("MFD_ALLOW_SEALING", 0x2),
    ("MFD_HUGETLB", 0x4),
    ("MFD_NOEXEC_SEAL", 0x8),
    ("MFD_EXEC", 0x10),
];

/// `copy_file_range` has none yet.
pub(crate) const COPY_FLAGS: &[Flag] = &[];

/// `preadv2`, `pwritev2`.
pub(crate) const READ_WRITE: &[Flag] = &[
    ("RWF_HIPRI", 0x1),
    ("RWF_DSYNC", 0x2),
    ("RWF_SYNC", 0x4),
    ("RWF_NOWAIT", 0x8),
    ("RWF_APPEND", 0x10),
    ("RWF_NOAPPEND", 0x20),
    ("RWF_ATOMIC", 0x40),
    ("RWF_DONTCACHE", 0x80),
];

/// `close_range`.
pub(crate) const CLOSE_RANGE: &[Flag] =
    &[("CLOSE_RANGE_UNSHARE", 0x2), ("CLOSE_RANGE_CLOEXEC", 0x4)];

/// `epoll_create1`.
pub(crate) const EPOLL_CREATE: &[Flag] = &[("EPOLL_CLOEXEC", 0x80000)];

/// `epoll_ctl`.
pub(crate) const EPOLL_OPERATION: &[Choice] = &[
    ("EPOLL_CTL_ADD", 1),
    ("EPOLL_CTL_DEL", 2),
    ("EPOLL_CTL_MOD", 3),
];

/// `eventfd2`.
pub(crate) const EVENTFD: &[Flag] = &[
    ("EFD_SEMAPHORE", 0x1),
    ("EFD_NONBLOCK", 0x800),
    ("EFD_CLOEXEC", 0x80000),
];

/// `getrandom`.
pub(crate) const RANDOM: &[Flag] = &[
    ("GRND_NONBLOCK", 0x1),
    ("GRND_RANDOM", 0x2),
    ("GRND_INSECURE", 0x4),
];
