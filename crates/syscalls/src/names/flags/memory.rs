//! Flags and choices of memory calls.

use super::super::{Choice, Flag};

/// `mmap`, `mprotect`.
pub(crate) const PROTECTION: &[Flag] = &[
    ("PROT_NONE", 0),
    ("PROT_READ", 0x1),
    ("PROT_WRITE", 0x2),
    ("PROT_EXEC", 0x4),
    ("PROT_SEM", 0x8),
    ("PROT_GROWSDOWN", 0x1000000),
    ("PROT_GROWSUP", 0x2000000),
];

/// `mmap`.
pub(crate) const MAP: &[Flag] = &[
    ("MAP_SHARED_VALIDATE", 0x3),
    ("MAP_SHARED", 0x1),
    ("MAP_PRIVATE", 0x2),
    ("MAP_DROPPABLE", 0x8),
    ("MAP_FIXED", 0x10),
    ("MAP_ANONYMOUS", 0x20),
    ("MAP_32BIT", 0x40),
    ("MAP_GROWSDOWN", 0x100),
    ("MAP_DENYWRITE", 0x800),
    ("MAP_EXECUTABLE", 0x1000),
    ("MAP_LOCKED", 0x2000),
    ("MAP_NORESERVE", 0x4000),
    ("MAP_POPULATE", 0x8000),
    ("MAP_NONBLOCK", 0x10000),
    ("MAP_STACK", 0x20000),
    ("MAP_HUGETLB", 0x40000),
    ("MAP_SYNC", 0x80000),
    ("MAP_FIXED_NOREPLACE", 0x100000),
];

/// `mremap`.
pub(crate) const MREMAP: &[Flag] = &[
    ("MREMAP_MAYMOVE", 0x1),
    ("MREMAP_FIXED", 0x2),
    ("MREMAP_DONTUNMAP", 0x4),
];

/// `msync`.
pub(crate) const MSYNC: &[Flag] = &[("MS_ASYNC", 0x1), ("MS_INVALIDATE", 0x2), ("MS_SYNC", 0x4)];

/// `mlockall`.
pub(crate) const MLOCKALL: &[Flag] = &[
    ("MCL_CURRENT", 0x1),
    ("MCL_FUTURE", 0x2),
    ("MCL_ONFAULT", 0x4),
];

/// `madvise`.
pub(crate) const ADVICE_MEMORY: &[Choice] = &[
    ("MADV_NORMAL", 0),
    ("MADV_RANDOM", 1),
    ("MADV_SEQUENTIAL", 2),
    ("MADV_WILLNEED", 3),
    ("MADV_DONTNEED", 4),
    ("MADV_FREE", 8),
    ("MADV_REMOVE", 9),
    ("MADV_DONTFORK", 10),
    ("MADV_DOFORK", 11),
    ("MADV_MERGEABLE", 12),
    ("MADV_UNMERGEABLE", 13),
    ("MADV_HUGEPAGE", 14),
    ("MADV_NOHUGEPAGE", 15),
    ("MADV_DONTDUMP", 16),
    ("MADV_DODUMP", 17),
    ("MADV_WIPEONFORK", 18),
    ("MADV_KEEPONFORK", 19),
    ("MADV_COLD", 20),
    ("MADV_PAGEOUT", 21),
    ("MADV_POPULATE_READ", 22),
    ("MADV_POPULATE_WRITE", 23),
    ("MADV_DONTNEED_LOCKED", 24),
    ("MADV_COLLAPSE", 25),
    ("MADV_HWPOISON", 100),
    ("MADV_SOFT_OFFLINE", 101),
    ("MADV_GUARD_INSTALL", 102),
    ("MADV_GUARD_REMOVE", 103),
];

/// `mbind`, `set_mempolicy`.
pub(crate) const MEMORY_POLICY: &[Choice] = &[
    ("MPOL_DEFAULT", 0),
    ("MPOL_PREFERRED", 1),
    ("MPOL_BIND", 2),
    ("MPOL_INTERLEAVE", 3),
    ("MPOL_LOCAL", 4),
    ("MPOL_PREFERRED_MANY", 5),
    ("MPOL_WEIGHTED_INTERLEAVE", 6),
];

/// `mbind`, `move_pages`.
pub(crate) const MEMORY_POLICY_FLAGS: &[Flag] = &[
    ("MPOL_MF_STRICT", 0x1),
    ("MPOL_MF_MOVE", 0x2),
    ("MPOL_MF_MOVE_ALL", 0x4),
];
