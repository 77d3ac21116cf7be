//! Numbers the kernel no longer or never implemented on x86-64: it answers `ENOSYS` itself.

use crate::argument::Kind::*;
use crate::call::{call, SystemCall};
use crate::traits::Paths;

pub(super) const CALLS: &[SystemCall] = &[
    call(134, "uselib", &[("library", Path)]).path(Paths::Followed),
    call(156, "_sysctl", &[("arguments", Pointer)]),
    call(174, "create_module", &[]),
    call(177, "get_kernel_syms", &[]),
    call(178, "query_module", &[]),
    call(180, "nfsservctl", &[]),
    call(181, "getpmsg", &[]),
    call(182, "putpmsg", &[]),
    call(183, "afs_syscall", &[]),
    call(184, "tuxcall", &[]),
    call(185, "security", &[]),
    call(205, "set_thread_area", &[]),
    call(211, "get_thread_area", &[]),
    // Removed in Linux 6.7; before, only the profiler's daemon used it.
    call(
        212,
        "lookup_dcookie",
        &[("cookie", Hex), ("buffer", Pointer), ("length", Size)],
    )
    .declined(38, "removed in Linux 6.7"),
    call(214, "epoll_ctl_old", &[]),
    call(215, "epoll_wait_old", &[]),
    call(236, "vserver", &[]),
];
