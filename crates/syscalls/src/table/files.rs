//! Opening, reading and writing files.

use crate::call::{call, Class, Descriptors, Kind::*, Restart::*, SystemCall};
use crate::names::flags::{
    ADVICE_FILE, AT_FLAGS, COPY_FLAGS, FALLOCATE, LOCK, MEMFD, READ_WRITE, SPLICE, SYNC_RANGE,
    WHENCE,
};
use crate::output::{fixed, fixed_when, result, vector, Output, Rule, When};

pub(super) const CALLS: &[SystemCall] = &[
    call(
        0,
        "read",
        &[("fd", Fd), ("buffer", Pointer), ("count", Size)],
    )
    .writes(&[result(1, 2)])
    .blocks(WithFlag),
    // A write to /proc/self/mem changes memory: the recorder knows which descriptors those are.
    call(
        1,
        "write",
        &[("fd", Fd), ("buffer", Pointer), ("count", Size)],
    )
    .blocks(WithFlag),
    call(
        2,
        "open",
        &[("path", Path), ("flags", Open), ("mode", Mode)],
    )
    .blocks(WithFlag)
    .makes(Descriptors::Result),
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
    .blocks(WithFlag)
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
    call(
        19,
        "readv",
        &[("fd", Fd), ("vector", Pointer), ("count", Size)],
    )
    .writes(&[vector(1, 2)])
    .blocks(WithFlag),
    call(
        20,
        "writev",
        &[("fd", Fd), ("vector", Pointer), ("count", Size)],
    )
    .blocks(WithFlag),
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
    .blocks(WithFlag),
    // F_DUPFD, and locks that wait. By command.
    call(
        72,
        "fcntl",
        &[("fd", Fd), ("command", Fcntl), ("argument", Hex)],
    )
    .class(Class::Descriptor)
    .writes(&[Output::Rule(Rule::Fcntl)])
    .blocks(WithFlag)
    .makes(Descriptors::Command),
    call(73, "flock", &[("fd", Fd), ("operation", Flags(LOCK))]).blocks(WithFlag),
    call(74, "fsync", &[("fd", Fd)]).blocks(None),
    call(75, "fdatasync", &[("fd", Fd)]).blocks(None),
    call(76, "truncate", &[("path", Path), ("length", Long)]),
    call(77, "ftruncate", &[("fd", Fd), ("length", Long)]),
    call(85, "creat", &[("path", Path), ("mode", Mode)])
        .blocks(WithFlag)
        .makes(Descriptors::Result),
    call(
        187,
        "readahead",
        &[("fd", Fd), ("offset", Long), ("count", Size)],
    )
    .blocks(None),
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
    .blocks(WithFlag)
    .makes(Descriptors::Result),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
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
    .blocks(None),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
    call(
        319,
        "memfd_create",
        &[("name", Path), ("flags", Flags(MEMFD))],
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag),
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
    .blocks(WithFlag)
    .makes(Descriptors::Result),
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
    .writes(&[Output::Rule(Rule::FileHandle)]),
    call(
        304,
        "open_by_handle_at",
        &[("mount", DirFd), ("handle", Pointer), ("flags", Open)],
    )
    .blocks(WithFlag)
    .makes(Descriptors::Result),
];
