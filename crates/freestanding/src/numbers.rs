//! The kernel's numbers, as `linux-raw-sys` has them from its headers, in the types in which they are
//! needed here. A name that the kernel does not have does not compile.

use linux_raw_sys::{auxvec, errno, general, net, prctl};

/// Bytes of a page on x86-64, which has one size of small pages (the headers leave it to `sysconf`).
pub const PAGE: u64 = 4096;

macro_rules! numbers {
    ($source:ident as $type:ty: $($name:ident = $theirs:ident),+ $(,)?) => {
        $(pub const $name: $type = $source::$theirs as $type;)+
    };
}

macro_rules! same {
    ($source:ident as $type:ty: $($name:ident),+ $(,)?) => {
        numbers!($source as $type: $($name = $name),+);
    };
}

same!(general as u32:
    SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, SIGSYS, SIGTRAP, SIGURG, SIGWINCH);

// System calls.
numbers!(general as u64:
    READ = __NR_read,
    WRITE = __NR_write,
    OPEN = __NR_open,
    CLOSE = __NR_close,
    STAT = __NR_stat,
    FSTAT = __NR_fstat,
    MMAP = __NR_mmap,
    MPROTECT = __NR_mprotect,
    MUNMAP = __NR_munmap,
    BRK = __NR_brk,
    RT_SIGACTION = __NR_rt_sigaction,
    RT_SIGPROCMASK = __NR_rt_sigprocmask,
    RT_SIGRETURN = __NR_rt_sigreturn,
    IOCTL = __NR_ioctl,
    KCMP = __NR_kcmp,
    SENDMSG = __NR_sendmsg,
    SENDMMSG = __NR_sendmmsg,
    LSEEK = __NR_lseek,
    SETITIMER = __NR_setitimer,
    PREAD64 = __NR_pread64,
    PWRITE64 = __NR_pwrite64,
    READV = __NR_readv,
    WRITEV = __NR_writev,
    MREMAP = __NR_mremap,
    MSYNC = __NR_msync,
    MINCORE = __NR_mincore,
    MADVISE = __NR_madvise,
    DUP = __NR_dup,
    DUP2 = __NR_dup2,
    PAUSE = __NR_pause,
    GETPID = __NR_getpid,
    SENDFILE = __NR_sendfile,
    RECVMSG = __NR_recvmsg,
    CLONE = __NR_clone,
    FORK = __NR_fork,
    VFORK = __NR_vfork,
    EXECVE = __NR_execve,
    SETSID = __NR_setsid,
    SETNS = __NR_setns,
    EXIT = __NR_exit,
    WAIT4 = __NR_wait4,
    KILL = __NR_kill,
    FCNTL = __NR_fcntl,
    FTRUNCATE = __NR_ftruncate,
    GETDENTS = __NR_getdents,
    READLINK = __NR_readlink,
    GETTIMEOFDAY = __NR_gettimeofday,
    GETPPID = __NR_getppid,
    RT_SIGPENDING = __NR_rt_sigpending,
    RT_SIGTIMEDWAIT = __NR_rt_sigtimedwait,
    RT_SIGQUEUEINFO = __NR_rt_sigqueueinfo,
    RT_SIGSUSPEND = __NR_rt_sigsuspend,
    SIGALTSTACK = __NR_sigaltstack,
    PRCTL = __NR_prctl,
    ARCH_PRCTL = __NR_arch_prctl,
    GETTID = __NR_gettid,
    TKILL = __NR_tkill,
    TIME = __NR_time,
    FUTEX = __NR_futex,
    GETDENTS64 = __NR_getdents64,
    RESTART_SYSCALL = __NR_restart_syscall,
    SET_TID_ADDRESS = __NR_set_tid_address,
    CLOCK_GETTIME = __NR_clock_gettime,
    GETSOCKOPT = __NR_getsockopt,
    CLOCK_GETRES = __NR_clock_getres,
    EXIT_GROUP = __NR_exit_group,
    TGKILL = __NR_tgkill,
    WAITID = __NR_waitid,
    OPENAT = __NR_openat,
    NEWFSTATAT = __NR_newfstatat,
    READLINKAT = __NR_readlinkat,
    SET_ROBUST_LIST = __NR_set_robust_list,
    DUP3 = __NR_dup3,
    PREADV2 = __NR_preadv2,
    PWRITEV2 = __NR_pwritev2,
    FSYNC = __NR_fsync,
    FDATASYNC = __NR_fdatasync,
    IO_SETUP = __NR_io_setup,
    IO_DESTROY = __NR_io_destroy,
    IO_SUBMIT = __NR_io_submit,
    IO_CANCEL = __NR_io_cancel,
    IO_PGETEVENTS = __NR_io_pgetevents,
    PREADV = __NR_preadv,
    PWRITEV = __NR_pwritev,
    TRUNCATE = __NR_truncate,
    CREAT = __NR_creat,
    SPLICE = __NR_splice,
    FALLOCATE = __NR_fallocate,
    RT_TGSIGQUEUEINFO = __NR_rt_tgsigqueueinfo,
    PRLIMIT64 = __NR_prlimit64,
    GETCPU = __NR_getcpu,
    CAPGET = __NR_capget,
    LANDLOCK_ADD_RULE = __NR_landlock_add_rule,
    SECCOMP = __NR_seccomp,
    GETRANDOM = __NR_getrandom,
    MEMFD_CREATE = __NR_memfd_create,
    EXECVEAT = __NR_execveat,
    COPY_FILE_RANGE = __NR_copy_file_range,
    CLONE3 = __NR_clone3,
    CLOSE_RANGE = __NR_close_range,
    OPENAT2 = __NR_openat2,
    FACCESSAT = __NR_faccessat,
    FACCESSAT2 = __NR_faccessat2,
    SCHED_SETAFFINITY = __NR_sched_setaffinity,
    SCHED_GETAFFINITY = __NR_sched_getaffinity,
    SHMAT = __NR_shmat,
    SHMDT = __NR_shmdt,
    SHMCTL = __NR_shmctl,
    FCHMOD = __NR_fchmod,
    LINKAT = __NR_linkat,
    UNLINKAT = __NR_unlinkat,
    NANOSLEEP = __NR_nanosleep,
    PIDFD_OPEN = __NR_pidfd_open,
    POLL = __NR_poll,
    PPOLL = __NR_ppoll,
    SCHED_YIELD = __NR_sched_yield,
    FSTATFS = __NR_fstatfs,
    TIMER_CREATE = __NR_timer_create,
    TIMER_SETTIME = __NR_timer_settime,
    TIMER_DELETE = __NR_timer_delete,
    USERFAULTFD = __NR_userfaultfd,
    FGETXATTR = __NR_fgetxattr,
    GET_ROBUST_LIST = __NR_get_robust_list,
    RSEQ = __NR_rseq,
    PROCESS_VM_READV = __NR_process_vm_readv,
    GETPGID = __NR_getpgid,
    GETUID = __NR_getuid,
    GETCWD = __NR_getcwd,
    UNAME = __NR_uname,
    PERSONALITY = __NR_personality,
    GETRLIMIT = __NR_getrlimit,
    SETRLIMIT = __NR_setrlimit,
    UTIMENSAT = __NR_utimensat,
    SELECT = __NR_select,
    PSELECT6 = __NR_pselect6,
    IOPL = __NR_iopl,
    IOPERM = __NR_ioperm,
    REMAP_FILE_PAGES = __NR_remap_file_pages,
);

same!(errno as i64:
    E2BIG, EACCES, EAGAIN, EBADF, ECHILD, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO, EISDIR, ELIBBAD, ELOOP, ENAMETOOLONG,
    ENOENT, ENOEXEC, ENOMEM, ENOSPC, ENOSYS, ENOTDIR, ENOTTY, ENXIO, EOPNOTSUPP, EPERM, ESPIPE, ERANGE, ESRCH,
    ETIMEDOUT);

same!(general as i64:
    AT_FDCWD, SI_QUEUE, SI_TIMER, SI_USER);

same!(general as u64:
    ARCH_SET_FS, AT_EACCESS, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, BUS_ADRERR, CLOCK_MONOTONIC, CLOCK_REALTIME,
    CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_PARENT_SETTID, CLONE_PIDFD, CLONE_SETTLS,
    CLONE_CLEAR_SIGHAND, CLONE_NEWPID, CLONE_PARENT, CLONE_SIGHAND,
    CLONE_FILES, CLONE_THREAD, CLONE_VFORK, CLONE_VM, FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAIT_PRIVATE,
    FUTEX_WAKE, FUTEX_WAKE_PRIVATE, FD_CLOEXEC, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETLK, F_SETFL, F_SETLK, F_UNLCK,
    F_WRLCK, MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_REMOVE, MADV_WIPEONFORK, MAP_ANONYMOUS, MAP_DROPPABLE, MAP_FIXED,
    MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED,
    MAP_SHARED_VALIDATE, MAP_TYPE, MFD_CLOEXEC, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE,
    O_APPEND, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY,
    O_RDWR, O_TRUNC, O_WRONLY, POLLIN, PROC_SUPER_MAGIC, PROT_EXEC, PROT_GROWSDOWN, PROT_NONE, PROT_READ,
    PROT_WRITE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK, SA_NOCLDSTOP, SA_NOCLDWAIT, SA_NODEFER, SA_ONSTACK,
    SA_RESETHAND, SA_RESTART, SA_RESTORER, SA_SIGINFO, SEEK_CUR, SEEK_DATA, SEEK_HOLE, SEGV_ACCERR,
    SEGV_MAPERR, SIGEV_THREAD_ID, SS_DISABLE, UTIME_OMIT, WNOHANG, __WALL, __WCLONE);

same!(prctl as u64:
    PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_GET_TID_ADDRESS, PR_GET_TSC, PR_SET_CHILD_SUBREAPER, PR_SET_NAME, PR_SET_NO_NEW_PRIVS,
    PR_MDWE_REFUSE_EXEC_GAIN, PR_SET_MDWE, PR_SET_SECCOMP, PR_SET_TSC, PR_TSC_ENABLE, PR_TSC_SIGSEGV,
    PR_SET_SYSCALL_USER_DISPATCH);

same!(auxvec as u64:
    AT_BASE, AT_ENTRY, AT_EXECFN, AT_NULL, AT_PHDR, AT_PHENT, AT_PHNUM, AT_RANDOM,
    AT_SYSINFO_EHDR);

same!(net as u64:
    MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_PEEK, SCM_RIGHTS, SOL_SOCKET);
