//! The address space. The recorder logs the effect of the calls of class `Memory` itself.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::class::MemoryAction::*;
use crate::class::{Class, Hole};
use crate::names::flags::{
    ADVICE_MEMORY, MAP, MEMORY_POLICY, MEMORY_POLICY_FLAGS, MLOCKALL, MREMAP, MSYNC, PROTECTION,
};
use crate::output::{counted_when, fixed, Output, Rule, When};
use crate::traits::Nested;
use crate::wait::{Restart, Wait};

pub(super) const CALLS: &[SystemCall] = &[
    call(
        9,
        "mmap",
        &[
            ("address", Pointer),
            ("length", Size),
            ("protection", Flags(PROTECTION)),
            ("flags", Flags(MAP)),
            ("fd", Fd),
            ("offset", Hex),
        ],
    )
    .class(Class::Memory(Map))
    .returns_address(),
    call(
        10,
        "mprotect",
        &[
            ("address", Pointer),
            ("length", Size),
            ("protection", Flags(PROTECTION)),
        ],
    )
    .class(Class::Memory(Protect)),
    call(11, "munmap", &[("address", Pointer), ("length", Size)]).class(Class::Memory(Unmap)),
    call(12, "brk", &[("address", Pointer)])
        .class(Class::Memory(Break))
        .returns_address(),
    call(
        25,
        "mremap",
        &[
            ("old", Pointer),
            ("old_size", Size),
            ("new_size", Size),
            ("flags", Flags(MREMAP)),
            ("new", Pointer),
        ],
    )
    .class(Class::Memory(Remap))
    .returns_address(),
    call(
        26,
        "msync",
        &[
            ("address", Pointer),
            ("length", Size),
            ("flags", Flags(MSYNC)),
        ],
    )
    .class(Class::Memory(Look(Hole::Skipped)))
    .waits(Wait::Directly, Restart::None),
    // Written page by page, so a failure may leave a part.
    call(
        27,
        "mincore",
        &[("address", Pointer), ("length", Size), ("vector", Pointer)],
    )
    .class(Class::Memory(Look(Hole::Refused)))
    .writes(&[Output::Rule(Rule::Residency)]),
    // MADV_DONTNEED zeroes, MADV_FREE may do so at any later moment.
    call(
        28,
        "madvise",
        &[
            ("address", Pointer),
            ("length", Size),
            ("advice", Choice(ADVICE_MEMORY)),
        ],
    )
    .class(Class::Memory(Advise)),
    call(149, "mlock", &[("address", Pointer), ("length", Size)])
        .class(Class::Memory(Look(Hole::Stops))),
    call(150, "munlock", &[("address", Pointer), ("length", Size)])
        .class(Class::Memory(Look(Hole::Stops))),
    call(151, "mlockall", &[("flags", Flags(MLOCKALL))]),
    call(152, "munlockall", &[]),
    call(
        216,
        "remap_file_pages",
        &[
            ("address", Pointer),
            ("size", Size),
            ("protection", Flags(PROTECTION)),
            ("page", Size),
            ("flags", Flags(MAP)),
        ],
    )
    .refused(38, "non-linear mappings are not recorded"),
    call(
        237,
        "mbind",
        &[
            ("address", Pointer),
            ("length", Size),
            ("mode", Choice(MEMORY_POLICY)),
            ("nodes", Pointer),
            ("maximum", Size),
            ("flags", Flags(MEMORY_POLICY_FLAGS)),
        ],
    )
    .class(Class::Memory(Look(Hole::Refused))),
    call(
        238,
        "set_mempolicy",
        &[
            ("mode", Choice(MEMORY_POLICY)),
            ("nodes", Pointer),
            ("maximum", Size),
        ],
    ),
    call(
        239,
        "get_mempolicy",
        &[
            ("mode", Pointer),
            ("nodes", Pointer),
            ("maximum", Size),
            ("address", Pointer),
            ("flags", Hex),
        ],
    )
    .writes(&[fixed(0, 4), Output::Rule(Rule::NodeMask)]),
    call(
        256,
        "migrate_pages",
        &[
            ("pid", Int),
            ("maximum", Size),
            ("old", Pointer),
            ("new", Pointer),
        ],
    ),
    // Status of the pages looked at before a failure is written too.
    call(
        279,
        "move_pages",
        &[
            ("pid", Int),
            ("count", Size),
            ("pages", Pointer),
            ("nodes", Pointer),
            ("status", Pointer),
            ("flags", Flags(MEMORY_POLICY_FLAGS)),
        ],
    )
    .writes(&[counted_when(4, 1, 4, When::Always)]),
    call(
        324,
        "membarrier",
        &[("command", Hex), ("flags", Hex), ("cpu", Int)],
    ),
    call(
        325,
        "mlock2",
        &[("address", Pointer), ("length", Size), ("flags", Hex)],
    )
    .class(Class::Memory(Look(Hole::Stops))),
    call(
        329,
        "pkey_mprotect",
        &[
            ("address", Pointer),
            ("length", Size),
            ("protection", Flags(PROTECTION)),
            ("key", Int),
        ],
    )
    .class(Class::Memory(Protect)),
    call(330, "pkey_alloc", &[("flags", Hex), ("rights", Hex)])
        .declined(28, "as on a processor without protection keys (ENOSPC)"),
    call(331, "pkey_free", &[("key", Int)]).declined(22, "no protection key was ever given out"),
    // On the process itself it is madvise.
    call(
        440,
        "process_madvise",
        &[
            ("pidfd", Fd),
            ("vector", Pointer),
            ("count", Size),
            ("advice", Choice(ADVICE_MEMORY)),
            ("flags", Hex),
        ],
    )
    .class(Class::Memory(AdviseVector))
    .names(&[Nested::Vector {
        pointer: 1,
        count: 2,
    }]),
    call(448, "process_mrelease", &[("pidfd", Fd), ("flags", Hex)]),
    call(
        450,
        "set_mempolicy_home_node",
        &[
            ("address", Pointer),
            ("length", Size),
            ("node", Size),
            ("flags", Hex),
        ],
    ),
    call(
        453,
        "map_shadow_stack",
        &[("address", Pointer), ("size", Size), ("flags", Hex)],
    )
    .declined(
        95,
        "shadow stacks would make signal frames and patched calls fault",
    ),
    // A sealed mapping can no longer be patched, unmapped or remapped: the recorder decides.
    call(
        462,
        "mseal",
        &[("address", Pointer), ("length", Size), ("flags", Hex)],
    )
    .class(Class::Memory(Look(Hole::Refused))),
];
