//! Calls that a 64-bit program makes by `int 0x80`: numbers of the i386 table (arch/x86/entry/syscalls/syscall_32.tbl), 32 bits
//! of each argument in ebx, ecx, edx, esi, edi, ebp, and structures as 32-bit programs have them.
//!
//! Those whose structures are the same, or that have none, are the calls of the 64-bit table, and performed and recorded as
//! such; the lists of `execve` have pointers of 32 bits, which its handler knows. The others are refused: their rows would all have to be written again.

use crate::table;

/// A call as the 64-bit table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    pub number: u64,
    pub args: [u64; 6],
}

/// How arguments become those of the 64-bit call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arguments {
    /// They are the same.
    Same,
    /// One of them is a signed offset of 32 bits.
    Signed(usize),
    /// An offset of 64 bits is in this one and the next.
    Wide(usize),
    /// The same where this one, the address of a structure, is null.
    Null(usize),
    /// `waitpid` is `wait4` without the last one.
    First(usize),
    /// `mmap2`: the offset is in pages, and the place such that 32 bits hold it.
    Map,
    /// `clone`: the thread's segment, which is a structure there, comes before the place of the child's number.
    Tasks,
    /// Requests and commands with the same structures.
    Terminal,
    Descriptor,
}

use Arguments::*;

/// Number, name of the call in the 64-bit table, arguments. Sorted.
const CALLS: &[(u16, &str, Arguments)] = &[
    (1, "exit", Same),
    (2, "fork", Same),
    (3, "read", Same),
    (4, "write", Same),
    (5, "open", Same),
    (6, "close", Same),
    (7, "wait4", First(3)),
    (8, "creat", Same),
    (9, "link", Same),
    (10, "unlink", Same),
    (11, "execve", Same),
    (12, "chdir", Same),
    (13, "time", Null(0)),
    (14, "mknod", Same),
    (15, "chmod", Same),
    (19, "lseek", Signed(1)),
    (20, "getpid", Same),
    (27, "alarm", Same),
    (29, "pause", Same),
    (33, "access", Same),
    (36, "sync", Same),
    (37, "kill", Same),
    (38, "rename", Same),
    (39, "mkdir", Same),
    (40, "rmdir", Same),
    (41, "dup", Same),
    (42, "pipe", Same),
    (43, "times", Null(0)),
    (45, "brk", Same),
    (54, "ioctl", Terminal),
    (55, "fcntl", Descriptor),
    (57, "setpgid", Same),
    (60, "umask", Same),
    (61, "chroot", Same),
    (63, "dup2", Same),
    (64, "getppid", Same),
    (65, "getpgrp", Same),
    (66, "setsid", Same),
    (83, "symlink", Same),
    (85, "readlink", Same),
    (91, "munmap", Same),
    (92, "truncate", Signed(1)),
    (93, "ftruncate", Signed(1)),
    (94, "fchmod", Same),
    (96, "getpriority", Same),
    (97, "setpriority", Same),
    (114, "wait4", Null(3)),
    (118, "fsync", Same),
    (120, "clone", Tasks),
    (122, "uname", Same),
    (125, "mprotect", Same),
    (132, "getpgid", Same),
    (133, "fchdir", Same),
    (143, "flock", Same),
    (144, "msync", Same),
    (147, "getsid", Same),
    (148, "fdatasync", Same),
    (150, "mlock", Same),
    (151, "munlock", Same),
    (152, "mlockall", Same),
    (153, "munlockall", Same),
    (157, "sched_getscheduler", Same),
    (158, "sched_yield", Same),
    (159, "sched_get_priority_max", Same),
    (160, "sched_get_priority_min", Same),
    (163, "mremap", Same),
    (168, "poll", Same),
    (175, "rt_sigprocmask", Same),
    (176, "rt_sigpending", Same),
    (180, "pread64", Wide(3)),
    (181, "pwrite64", Wide(3)),
    (183, "getcwd", Same),
    (187, "sendfile", Null(2)),
    (190, "vfork", Same),
    (192, "mmap", Map),
    (193, "truncate", Wide(1)),
    (194, "ftruncate", Wide(1)),
    (198, "lchown", Same),
    (199, "getuid", Same),
    (200, "getgid", Same),
    (201, "geteuid", Same),
    (202, "getegid", Same),
    (205, "getgroups", Same),
    (207, "fchown", Same),
    (209, "getresuid", Same),
    (211, "getresgid", Same),
    (212, "chown", Same),
    (218, "mincore", Same),
    (219, "madvise", Same),
    (220, "getdents64", Same),
    (221, "fcntl", Descriptor),
    (224, "gettid", Same),
    (238, "tkill", Same),
    (239, "sendfile", Same),
    (240, "futex", Null(3)),
    (252, "exit_group", Same),
    (254, "epoll_create", Same),
    (255, "epoll_ctl", Same),
    (256, "epoll_wait", Same),
    (258, "set_tid_address", Same),
    (270, "tgkill", Same),
    (295, "openat", Same),
    (296, "mkdirat", Same),
    (298, "fchownat", Same),
    (301, "unlinkat", Same),
    (302, "renameat", Same),
    (303, "linkat", Same),
    (304, "symlinkat", Same),
    (305, "readlinkat", Same),
    (306, "fchmodat", Same),
    (307, "faccessat", Same),
    (318, "getcpu", Same),
    (323, "eventfd", Same),
    (328, "eventfd2", Same),
    (329, "epoll_create1", Same),
    (330, "dup3", Same),
    (331, "pipe2", Same),
    (332, "inotify_init1", Same),
    (353, "renameat2", Same),
    (355, "getrandom", Same),
    (356, "memfd_create", Same),
    (359, "socket", Same),
    (360, "socketpair", Same),
    (361, "bind", Same),
    (362, "connect", Same),
    (363, "listen", Same),
    (364, "accept4", Same),
    (367, "getsockname", Same),
    (368, "getpeername", Same),
    (369, "sendto", Same),
    (371, "recvfrom", Same),
    (373, "shutdown", Same),
    (383, "statx", Same),
    (403, "clock_gettime", Same),
    (406, "clock_getres", Same),
    (407, "clock_nanosleep", Same),
    (412, "utimensat", Same),
    (422, "futex", Same),
    (434, "pidfd_open", Same),
    (436, "close_range", Same),
    (437, "openat2", Same),
    (439, "faccessat2", Same),
];

/// Of `clone`: the new thread's segment is given.
const CLONE_SETTLS: u32 = 0x80000;

/// One more than the largest number that a kernel may know.
const LIMIT: u32 = 512;

/// Whether a kernel may know the call, so that its refusal is worth a word.
pub fn may_exist(number: u32) -> bool {
    number < LIMIT
}

/// The 64-bit call that this one is; `None`: there is none, or its structures differ.
pub fn translate(number: u32, arguments: [u32; 6]) -> Option<Translated> {
    let number = u16::try_from(number).ok()?;
    let place = CALLS.binary_search_by_key(&number, |&(number, ..)| number);
    let (_, name, how) = CALLS[place.ok()?];
    let mut args = arguments.map(u64::from);
    match how {
        Same => {}
        Signed(index) => args[index] = i64::from(arguments[index] as i32) as u64,
        Wide(index) => {
            args[index] |= args[index + 1] << 32;
            args[index + 1] = 0;
        }
        Null(index) if arguments[index] == 0 => {}
        First(count) => args[count..].fill(0),
        Map => {
            const MAP_FIXED: u64 = 0x10;
            const MAP_32BIT: u64 = 0x40;
            const PAGE: u64 = 4096;
            args[5] *= PAGE;
            if args[3] & MAP_FIXED == 0 {
                args[3] |= MAP_32BIT;
            }
        }
        Tasks if arguments[0] & CLONE_SETTLS == 0 => args.swap(3, 4),
        Terminal if has_same_request(arguments[1]) => {}
        Descriptor if has_same_command(arguments[1]) => {}
        _ => return None,
    }
    let number = table::number_of(name)?;
    Some(Translated { number, args })
}

/// `struct termios`, `struct winsize`, an `int`, or nothing.
fn has_same_request(request: u32) -> bool {
    matches!(
        request,
        0x5401..=0x5408 | 0x540b | 0x540f..=0x5410 | 0x5413..=0x5414 | 0x541b | 0x5421 | 0x5450..=0x5452
    )
}

/// F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL and F_DUPFD_CLOEXEC.
fn has_same_command(command: u32) -> bool {
    matches!(command, 0..=4 | 1030)
}

#[cfg(test)]
mod tests {
    use super::{translate, CALLS};
    use crate::table;

    #[test]
    fn every_row_names_a_call_and_is_in_its_place() {
        assert!(CALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (number, name, _) in CALLS {
            assert!(table::number_of(name).is_some(), "{number}: {name}");
        }
    }

    #[test]
    fn arguments_become_those_of_the_other_call() {
        let translated =
            |number, args| translate(number, args).map(|call| (call.number, call.args));
        assert_eq!(translated(20, [7; 6]), Some((39, [7; 6])));
        let offset = [3, (-5i32) as u32, 1, 0, 0, 0];
        let args = [3, -5i64 as u64, 1, 0, 0, 0];
        assert_eq!(translated(19, offset), Some((8, args)));
        assert_eq!(
            translated(180, [3, 16, 32, 4096, 2, 0]),
            Some((17, [3, 16, 32, 2 << 32 | 4096, 0, 0]))
        );
        assert_eq!(
            translated(7, [1, 2, 3, 4, 5, 6]),
            Some((61, [1, 2, 3, 0, 0, 0]))
        );
        assert_eq!(
            translated(120, [17, 0, 1, 2, 3, 0]),
            Some((56, [17, 0, 1, 3, 2, 0]))
        );
        assert_eq!(
            translated(192, [0, 4096, 3, 0x22, u32::MAX, 2]),
            Some((9, [0, 4096, 3, 0x62, u64::from(u32::MAX), 8192]))
        );
    }

    #[test]
    fn other_structures_have_no_translation() {
        // stat64; gettimeofday; time into memory; a lock; a request with a pointer inside; beyond all.
        for (number, args) in [
            (195, [0; 6]),
            (78, [0; 6]),
            (13, [16, 0, 0, 0, 0, 0]),
            (55, [0, 5, 0, 0, 0, 0]),
            (54, [0, 0x8912, 0, 0, 0, 0]),
            (120, [0x80000, 0, 0, 16, 0, 0]),
            (9999, [0; 6]),
            (u32::MAX, [0; 6]),
            (0x1_0014, [0; 6]),
        ] {
            assert_eq!(translate(number, args), None, "{number}");
        }
    }
}
