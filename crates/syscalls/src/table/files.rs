//! Opening, reading and writing files.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::names::flags::{
    ADVICE_FILE, AT_FLAGS, COPY_FLAGS, FALLOCATE, LOCK, MEMFD, READ_WRITE, SPLICE, SYNC_RANGE,
    WHENCE,
};
use crate::output::{fixed, fixed_when, result, vector, Output, Rule, When};
use crate::traits::{Content, Descriptors, Nested, Paths, AT_SYMLINK_FOLLOW};
use crate::wait::{readable, Readiness, Restart, Wait, POLLIN, POLLOUT};

const RWF_NOWAIT: u64 = 8;
const SPLICE_F_NONBLOCK: u64 = 2;
/// A file in which one can read at a position is there to be read.
const POSITIONED: &str = "a file that has positions is always ready";

pub(super) const CALLS: &[SystemCall] = &[
    call(
        0,
        "read",
        &[("fd", Fd), ("buffer", Pointer), ("count", Size)],
    )
    .writes(&[result(1, 2)])
    .waits(Wait::UntilReady(readable(0)), Restart::WithFlag),
    // A write to /proc/self/mem changes memory: the recorder knows which descriptors those are.
    call(
        1,
        "write",
        &[("fd", Fd), ("buffer", Pointer), ("count", Size)],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .changes(Content::Buffer { to: 0, buffer: 1 }),
    call(
        2,
        "open",
        &[("path", Path), ("flags", Open), ("mode", Mode)],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .makes(Descriptors::Opened { flags: Some(1) })
    .path(Paths::Opened { flags: 1 }),
    call(
        8,
        "lseek",
        &[("fd", Fd), ("offset", Long), ("whence", Choice(WHENCE))],
    ),
    call(
        16,
        "ioctl",
        &[("fd", Fd), ("request", Ioctl), ("argument", Pointer)],
    )
    .writes(&[Output::Rule(Rule::Ioctl)])
    .waits(Wait::Ioctl, Restart::WithFlag)
    .makes(Descriptors::Command),
    call(
        17,
        "pread64",
        &[
            ("fd", Fd),
            ("buffer", Pointer),
            ("count", Size),
            ("offset", Long),
        ],
    )
    .writes(&[result(1, 2)])
    .waits(Wait::WithTurn(POSITIONED), Restart::WithFlag),
    call(
        18,
        "pwrite64",
        &[
            ("fd", Fd),
            ("buffer", Pointer),
            ("count", Size),
            ("offset", Long),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .changes(Content::Buffer { to: 0, buffer: 1 }),
    call(
        19,
        "readv",
        &[("fd", Fd), ("vector", Pointer), ("count", Size)],
    )
    .writes(&[vector(1, 2)])
    .waits(Wait::UntilReady(readable(0)), Restart::WithFlag)
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }]),
    call(
        20,
        "writev",
        &[("fd", Fd), ("vector", Pointer), ("count", Size)],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Vector {
        to: 0,
        pointer: 1,
        count: 2,
    }),
    // The offset is written back even when the transfer failed.
    call(
        40,
        "sendfile",
        &[
            ("out", Fd),
            ("in", Fd),
            ("offset", Pointer),
            ("count", Size),
        ],
    )
    .writes(&[fixed_when(2, 8, When::Always)])
    .waits(Wait::Scratch, Restart::WithFlag)
    .changes(Content::Transfer { to: 0 }),
    // F_DUPFD, and locks that wait. By command.
    call(
        72,
        "fcntl",
        &[("fd", Fd), ("command", Fcntl), ("argument", Hex)],
    )
    .writes(&[Output::Rule(Rule::Fcntl)])
    .waits(Wait::Fcntl, Restart::WithFlag)
    .makes(Descriptors::Command),
    call(73, "flock", &[("fd", Fd), ("operation", Flags(LOCK))])
        .waits(Wait::Directly, Restart::WithFlag),
    call(74, "fsync", &[("fd", Fd)]).waits(Wait::Directly, Restart::None),
    call(75, "fdatasync", &[("fd", Fd)]).waits(Wait::Directly, Restart::None),
    // Waits for whoever has a lease of the file.
    call(76, "truncate", &[("path", Path), ("length", Long)])
        .waits(Wait::Directly, Restart::WithFlag)
        .path(Paths::Followed),
    call(77, "ftruncate", &[("fd", Fd), ("length", Long)]).changes(Content::Resize(0)),
    call(85, "creat", &[("path", Path), ("mode", Mode)])
        .waits(Wait::Directly, Restart::WithFlag)
        .makes(Descriptors::Opened { flags: None })
        .path(Paths::Followed),
    call(
        187,
        "readahead",
        &[("fd", Fd), ("offset", Long), ("count", Size)],
    )
    .waits(Wait::Directly, Restart::None),
    call(
        221,
        "fadvise64",
        &[
            ("fd", Fd),
            ("offset", Long),
            ("length", Size),
            ("advice", Choice(ADVICE_FILE)),
        ],
    ),
    call(
        257,
        "openat",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("flags", Open),
            ("mode", Mode),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .makes(Descriptors::Opened { flags: Some(2) })
    .path(Paths::Opened { flags: 2 }),
    call(
        275,
        "splice",
        &[
            ("in", Fd),
            ("in_offset", Pointer),
            ("out", Fd),
            ("out_offset", Pointer),
            ("length", Size),
            ("flags", Flags(SPLICE)),
        ],
    )
    .writes(&[fixed(1, 8), fixed(3, 8)])
    .waits(Wait::Scratch, Restart::WithFlag)
    .changes(Content::Transfer { to: 2 }),
    call(
        276,
        "tee",
        &[
            ("in", Fd),
            ("out", Fd),
            ("length", Size),
            ("flags", Flags(SPLICE)),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .changes(Content::Transfer { to: 1 }),
    call(
        277,
        "sync_file_range",
        &[
            ("fd", Fd),
            ("offset", Long),
            ("length", Long),
            ("flags", Flags(SYNC_RANGE)),
        ],
    )
    .waits(Wait::Directly, Restart::None),
    // From a pipe it writes to the buffers, into a pipe it only reads them: both are covered.
    call(
        278,
        "vmsplice",
        &[
            ("fd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("flags", Flags(SPLICE)),
        ],
    )
    .writes(&[vector(1, 2)])
    .waits(
        Wait::UntilReady(Readiness {
            events: POLLIN | POLLOUT,
            ..readable(0).unless(3, SPLICE_F_NONBLOCK)
        }),
        Restart::WithFlag,
    )
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Transfer { to: 0 }),
    call(
        285,
        "fallocate",
        &[
            ("fd", Fd),
            ("mode", Flags(FALLOCATE)),
            ("offset", Long),
            ("length", Long),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .changes(Content::Resize(0)),
    call(
        295,
        "preadv",
        &[
            ("fd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("low", Size),
            ("high", Size),
        ],
    )
    .writes(&[vector(1, 2)])
    .waits(Wait::WithTurn(POSITIONED), Restart::WithFlag)
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }]),
    call(
        296,
        "pwritev",
        &[
            ("fd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("low", Size),
            ("high", Size),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Vector {
        to: 0,
        pointer: 1,
        count: 2,
    }),
    call(
        319,
        "memfd_create",
        &[("name", Text), ("flags", Flags(MEMFD))],
    )
    .makes(Descriptors::Result),
    call(
        326,
        "copy_file_range",
        &[
            ("in", Fd),
            ("in_offset", Pointer),
            ("out", Fd),
            ("out_offset", Pointer),
            ("length", Size),
            ("flags", Flags(COPY_FLAGS)),
        ],
    )
    .writes(&[fixed(1, 8), fixed(3, 8)])
    .waits(Wait::Scratch, Restart::WithFlag)
    .changes(Content::Transfer { to: 2 }),
    call(
        327,
        "preadv2",
        &[
            ("fd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("low", Size),
            ("high", Size),
            ("flags", Flags(READ_WRITE)),
        ],
    )
    .writes(&[vector(1, 2)])
    .waits(
        Wait::UntilReady(readable(0).unless(5, RWF_NOWAIT)),
        Restart::WithFlag,
    )
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }]),
    call(
        328,
        "pwritev2",
        &[
            ("fd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("low", Size),
            ("high", Size),
            ("flags", Flags(READ_WRITE)),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }])
    .changes(Content::Vector {
        to: 0,
        pointer: 1,
        count: 2,
    }),
    call(
        437,
        "openat2",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("how", Pointer),
            ("size", Size),
        ],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .makes(Descriptors::Opened { flags: None })
    .path(Paths::OpenedBy { how: 2 }),
    call(447, "memfd_secret", &[("flags", Hex)]).makes(Descriptors::Result),
    call(
        451,
        "cachestat",
        &[
            ("fd", Fd),
            ("range", Pointer),
            ("statistics", Pointer),
            ("flags", Hex),
        ],
    )
    .writes(&[fixed(2, 40)]),
    call(
        303,
        "name_to_handle_at",
        &[
            ("directory", DirFd),
            ("path", Path),
            ("handle", Pointer),
            ("mount", Pointer),
            ("flags", Flags(AT_FLAGS)),
        ],
    )
    .writes(&[Output::Rule(Rule::FileHandle)])
    .path(Paths::FollowedIf(4, AT_SYMLINK_FOLLOW)),
    call(
        304,
        "open_by_handle_at",
        &[("mount", DirFd), ("handle", Pointer), ("flags", Open)],
    )
    .waits(Wait::Directly, Restart::WithFlag)
    .makes(Descriptors::Opened { flags: Some(2) }),
];
