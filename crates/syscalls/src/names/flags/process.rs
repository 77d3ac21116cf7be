//! Flags and choices of calls on processes, signals and time.

use super::super::{Choice, Flag};

/// `clone`; the low byte is the signal at the end of the child.
pub(crate) const CLONE: &[Flag] = &[
    ("CLONE_VM", 0x100),
    ("CLONE_FS", 0x200),
    ("CLONE_FILES", 0x400),
    ("CLONE_SIGHAND", 0x800),
    ("CLONE_PIDFD", 0x1000),
    ("CLONE_PTRACE", 0x2000),
    ("CLONE_VFORK", 0x4000),
    ("CLONE_PARENT", 0x8000),
    ("CLONE_THREAD", 0x10000),
    ("CLONE_NEWNS", 0x20000),
    ("CLONE_SYSVSEM", 0x40000),
    ("CLONE_SETTLS", 0x80000),
    ("CLONE_PARENT_SETTID", 0x100000),
    ("CLONE_CHILD_CLEARTID", 0x200000),
    ("CLONE_DETACHED", 0x400000),
    ("CLONE_UNTRACED", 0x800000),
    ("CLONE_CHILD_SETTID", 0x1000000),
    ("CLONE_NEWCGROUP", 0x2000000),
    ("CLONE_NEWUTS", 0x4000000),
    ("CLONE_NEWIPC", 0x8000000),
    ("CLONE_NEWUSER", 0x10000000),
    ("CLONE_NEWPID", 0x20000000),
    ("CLONE_NEWNET", 0x40000000),
    ("CLONE_IO", 0x80000000),
    ("SIGCHLD", 0x11),
];

/// `unshare`, `setns`.
pub(crate) const UNSHARE: &[Flag] = &[
    ("CLONE_NEWTIME", 0x80),
    ("CLONE_FS", 0x200),
    ("CLONE_FILES", 0x400),
    ("CLONE_NEWNS", 0x20000),
    ("CLONE_SYSVSEM", 0x40000),
    ("CLONE_NEWCGROUP", 0x2000000),
    ("CLONE_NEWUTS", 0x4000000),
    ("CLONE_NEWIPC", 0x8000000),
    ("CLONE_NEWUSER", 0x10000000),
    ("CLONE_NEWPID", 0x20000000),
    ("CLONE_NEWNET", 0x40000000),
];

/// `wait4`, `waitid`.
pub(crate) const WAIT: &[Flag] = &[
    ("WNOHANG", 0x1),
    ("WSTOPPED", 0x2),
    ("WEXITED", 0x4),
    ("WCONTINUED", 0x8),
    ("WNOWAIT", 0x1000000),
    ("__WNOTHREAD", 0x20000000),
    ("__WALL", 0x40000000),
    ("__WCLONE", 0x80000000),
];

/// `waitid`.
pub(crate) const WAIT_ID: &[Choice] = &[("P_ALL", 0), ("P_PID", 1), ("P_PGID", 2), ("P_PIDFD", 3)];

/// `arch_prctl`.
pub(crate) const ARCH_PRCTL: &[Choice] = &[
    ("ARCH_SET_GS", 4097),
    ("ARCH_SET_FS", 4098),
    ("ARCH_GET_FS", 4099),
    ("ARCH_GET_GS", 4100),
    ("ARCH_GET_CPUID", 4113),
    ("ARCH_SET_CPUID", 4114),
    ("ARCH_GET_XCOMP_SUPP", 4129),
    ("ARCH_GET_XCOMP_PERM", 4130),
    ("ARCH_REQ_XCOMP_PERM", 4131),
    ("ARCH_GET_XCOMP_GUEST_PERM", 4132),
    ("ARCH_REQ_XCOMP_GUEST_PERM", 4133),
    ("ARCH_CET_STATUS", 12289),
    ("ARCH_GET_UNTAG_MASK", 16385),
    ("ARCH_ENABLE_TAGGED_ADDR", 16386),
    ("ARCH_GET_MAX_TAG_BITS", 16387),
    ("ARCH_FORCE_TAGGED_SVA", 16388),
    ("ARCH_SHSTK_ENABLE", 20481),
    ("ARCH_SHSTK_DISABLE", 20482),
    ("ARCH_SHSTK_LOCK", 20483),
    ("ARCH_SHSTK_UNLOCK", 20484),
    ("ARCH_SHSTK_STATUS", 20485),
];

/// `futex`: operation with its flags.
pub(crate) const FUTEX_OPERATION: &[Choice] = &[
    ("FUTEX_WAIT", 0),
    ("FUTEX_WAKE", 1),
    ("FUTEX_FD", 2),
    ("FUTEX_REQUEUE", 3),
    ("FUTEX_CMP_REQUEUE", 4),
    ("FUTEX_WAKE_OP", 5),
    ("FUTEX_LOCK_PI", 6),
    ("FUTEX_UNLOCK_PI", 7),
    ("FUTEX_TRYLOCK_PI", 8),
    ("FUTEX_WAIT_BITSET", 9),
    ("FUTEX_WAKE_BITSET", 10),
    ("FUTEX_WAIT_REQUEUE_PI", 11),
    ("FUTEX_CMP_REQUEUE_PI", 12),
    ("FUTEX_LOCK_PI2", 13),
    ("FUTEX_WAIT|FUTEX_PRIVATE_FLAG", 128),
    ("FUTEX_WAKE|FUTEX_PRIVATE_FLAG", 129),
    ("FUTEX_FD|FUTEX_PRIVATE_FLAG", 130),
    ("FUTEX_REQUEUE|FUTEX_PRIVATE_FLAG", 131),
    ("FUTEX_CMP_REQUEUE|FUTEX_PRIVATE_FLAG", 132),
    ("FUTEX_WAKE_OP|FUTEX_PRIVATE_FLAG", 133),
    ("FUTEX_LOCK_PI|FUTEX_PRIVATE_FLAG", 134),
    ("FUTEX_UNLOCK_PI|FUTEX_PRIVATE_FLAG", 135),
    ("FUTEX_TRYLOCK_PI|FUTEX_PRIVATE_FLAG", 136),
    ("FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG", 137),
    ("FUTEX_WAKE_BITSET|FUTEX_PRIVATE_FLAG", 138),
    ("FUTEX_WAIT_REQUEUE_PI|FUTEX_PRIVATE_FLAG", 139),
    ("FUTEX_CMP_REQUEUE_PI|FUTEX_PRIVATE_FLAG", 140),
    ("FUTEX_LOCK_PI2|FUTEX_PRIVATE_FLAG", 141),
    ("FUTEX_WAIT|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME", 384),
    ("FUTEX_WAIT|FUTEX_CLOCK_REALTIME", 256),
    (
        "FUTEX_WAIT_BITSET|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME",
        393,
    ),
    ("FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME", 265),
    (
        "FUTEX_WAIT_REQUEUE_PI|FUTEX_PRIVATE_FLAG|FUTEX_CLOCK_REALTIME",
        395,
    ),
    ("FUTEX_WAIT_REQUEUE_PI|FUTEX_CLOCK_REALTIME", 267),
];

/// `ptrace`.
pub(crate) const PTRACE: &[Choice] = &[
    ("PTRACE_TRACEME", 0),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_PEEKUSER", 3),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_POKEUSER", 6),
    ("PTRACE_CONT", 7),
    ("PTRACE_KILL", 8),
    ("PTRACE_SINGLESTEP", 9),
    ("PTRACE_GETREGS", 12),
    ("PTRACE_SETREGS", 13),
    ("PTRACE_GETFPREGS", 14),
    ("PTRACE_SETFPREGS", 15),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_DETACH", 17),
    ("PTRACE_SYSCALL", 24),
    ("PTRACE_SETOPTIONS", 16896),
    ("PTRACE_GETEVENTMSG", 16897),
    ("PTRACE_GETSIGINFO", 16898),
    ("PTRACE_SETSIGINFO", 16899),
    ("PTRACE_GETREGSET", 16900),
    ("PTRACE_SETREGSET", 16901),
    ("PTRACE_SEIZE", 16902),
    ("PTRACE_INTERRUPT", 16903),
    ("PTRACE_LISTEN", 16904),
    ("PTRACE_PEEKSIGINFO", 16905),
    ("PTRACE_GETSIGMASK", 16906),
    ("PTRACE_SETSIGMASK", 16907),
    ("PTRACE_SECCOMP_GET_FILTER", 16908),
    ("PTRACE_SECCOMP_GET_METADATA", 16909),
    ("PTRACE_GET_SYSCALL_INFO", 16910),
    ("PTRACE_GET_RSEQ_CONFIGURATION", 16911),
    ("PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG", 16912),
    ("PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG", 16913),
    ("PTRACE_SET_SYSCALL_INFO", 16914),
];

/// `getpriority`.
pub(crate) const PRIORITY: &[Choice] = &[("PRIO_PROCESS", 0), ("PRIO_PGRP", 1), ("PRIO_USER", 2)];

/// `getrlimit`.
pub(crate) const RESOURCE: &[Choice] = &[
    ("RLIMIT_CPU", 0),
    ("RLIMIT_FSIZE", 1),
    ("RLIMIT_DATA", 2),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_RSS", 5),
    ("RLIMIT_NPROC", 6),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIMIT_AS", 9),
    ("RLIMIT_LOCKS", 10),
    ("RLIMIT_SIGPENDING", 11),
    ("RLIMIT_MSGQUEUE", 12),
    ("RLIMIT_NICE", 13),
    ("RLIMIT_RTPRIO", 14),
    ("RLIMIT_RTTIME", 15),
];

/// `getrusage`; the argument is an `int`.
pub(crate) const RUSAGE_WHO: &[Choice] = &[
    ("RUSAGE_SELF", 0),
    ("RUSAGE_THREAD", 1),
    ("RUSAGE_CHILDREN", 4294967295),
];

/// `sched_setscheduler`.
pub(crate) const SCHEDULER: &[Choice] = &[
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
    ("SCHED_EXT", 7),
];

/// `rt_sigprocmask`.
pub(crate) const MASK_HOW: &[Choice] = &[("SIG_BLOCK", 0), ("SIG_UNBLOCK", 1), ("SIG_SETMASK", 2)];

/// Clocks.
pub(crate) const CLOCK: &[Choice] = &[
    ("CLOCK_REALTIME", 0),
    ("CLOCK_MONOTONIC", 1),
    ("CLOCK_PROCESS_CPUTIME_ID", 2),
    ("CLOCK_THREAD_CPUTIME_ID", 3),
    ("CLOCK_MONOTONIC_RAW", 4),
    ("CLOCK_REALTIME_COARSE", 5),
    ("CLOCK_MONOTONIC_COARSE", 6),
    ("CLOCK_BOOTTIME", 7),
    ("CLOCK_REALTIME_ALARM", 8),
    ("CLOCK_BOOTTIME_ALARM", 9),
    ("CLOCK_TAI", 11),
];

/// `setitimer`.
pub(crate) const INTERVAL_TIMER: &[Choice] = &[
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
];

/// `timer_settime`, `clock_nanosleep`.
pub(crate) const TIMER_FLAGS: &[Flag] = &[("TIMER_ABSTIME", 0x1), ("TFD_TIMER_CANCEL_ON_SET", 0x2)];

/// `semctl`, `msgctl`, `shmctl`; the meaning of 11 to 15 depends on the call.
pub(crate) const IPC_COMMAND: &[Choice] = &[
    ("IPC_RMID", 0),
    ("IPC_SET", 1),
    ("IPC_STAT", 2),
    ("IPC_INFO", 3),
    ("GETPID", 11),
    ("GETVAL", 12),
    ("GETALL", 13),
    ("GETNCNT", 14),
    ("GETZCNT", 15),
    ("SETVAL", 16),
    ("SETALL", 17),
    ("SEM_STAT", 18),
    ("SEM_INFO", 19),
    ("SEM_STAT_ANY", 20),
];
