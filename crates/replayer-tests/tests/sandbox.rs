//! The wall round a replayer, tried from inside: every call that it does not need kills, and so
//! does every argument that it has no use for.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use reenact_sandbox::{replayer, waiter, Access, Filter, Serving};

/// What became of a process that made a call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The call came back, with success or an error of the kernel.
    CameBack,
    /// The kernel killed the process with this signal.
    Killed(i32),
}

const KILLED: Outcome = Outcome::Killed(libc::SIGSYS);
const REPORT: u32 = 900;
const CONTROL: u32 = 901;
const OBJECTS: u32 = 902;
const FIRST_FREE: u32 = 1000;
const OBJECTS_SIZE: u64 = 1 << 42;

type Call = (libc::c_long, [u64; 6]);

fn verifying() -> Filter {
    replayer(&Access {
        written: &[REPORT],
        first_free: FIRST_FREE,
        serving: None,
        native: None,
        takes_snapshots: false,
    })
}

/// High halves of addresses: calls from there are the replayer's own.
type Own = (u32, u32);

fn native(own: Own) -> Filter {
    replayer(&Access {
        written: &[REPORT],
        first_free: FIRST_FREE,
        serving: None,
        native: Some(own),
        takes_snapshots: false,
    })
}

fn serving() -> Filter {
    serving_with(None)
}

fn serving_with(native: Option<Own>) -> Filter {
    replayer(&Access {
        written: &[REPORT],
        first_free: FIRST_FREE,
        serving: Some(Serving {
            control: CONTROL,
            objects: OBJECTS,
            objects_size: OBJECTS_SIZE,
        }),
        native,
        takes_snapshots: false,
    })
}

/// Make a call in a process of its own, behind the wall if there is one.
fn attempt(filter: Option<&Filter>, (number, a): Call) -> Outcome {
    // The kernel's `struct sock_fprog`.
    #[repr(C)]
    struct Program {
        length: u16,
        instructions: *const reenact_sandbox::Instruction,
    }
    let program = filter.map(|filter| Program {
        length: filter.instructions().len() as u16,
        instructions: filter.instructions().as_ptr(),
    });
    // SAFETY: the child makes system calls only, and none that reads memory it does not have.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "a process can be made");
        if child == 0 {
            if let Some(program) = &program {
                libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                if libc::syscall(libc::SYS_seccomp, 1, 0, &raw const *program) != 0 {
                    libc::_exit(1);
                }
            }
            libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
            libc::syscall(libc::SYS_exit_group, 0);
        }
        let mut status = 0;
        // Also a process that the call has made (`clone`) or has become (`execve`) ends with 0.
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        if libc::WIFSIGNALED(status) {
            return Outcome::Killed(libc::WTERMSIG(status));
        }
        assert_eq!(libc::WEXITSTATUS(status), 0, "the filter is accepted");
        Outcome::CameBack
    }
}

/// What somebody who has taken over a replayer would like to do; all come through without the wall.
fn attacks() -> Vec<(&'static str, Call)> {
    static PATH: &[u8] = b"/bin/true\0";
    static ARGUMENTS: [usize; 1] = [0];
    let path = PATH.as_ptr() as u64;
    let none = ARGUMENTS.as_ptr() as u64;
    let here = libc::AT_FDCWD as u64;
    let me = 0;
    vec![
        ("open", (libc::SYS_open, [path, 0, 0, 0, 0, 0])),
        ("openat", (libc::SYS_openat, [here, path, 0, 0, 0, 0])),
        ("socket", (libc::SYS_socket, [1, 1, 0, 0, 0, 0])),
        ("kill", (libc::SYS_kill, [me, 0, 0, 0, 0, 0])),
        ("ptrace", (libc::SYS_ptrace, [0, 0, 0, 0, 0, 0])),
        ("execve", (libc::SYS_execve, [path, none, none, 0, 0, 0])),
    ]
}

/// This test makes its calls from everywhere.
const ANYWHERE: Own = (0, u32::MAX);

/// Whether a call is trapped: the child notes it where both see it. (The end of its handler, a call, kills it.)
fn is_trapped(filter: &Filter, (number, a): Call) -> bool {
    static TRAPS: AtomicPtr<AtomicBool> = AtomicPtr::new(core::ptr::null_mut());
    extern "C" fn on_trap(_: libc::c_int) {
        // SAFETY: mapped until the child has ended.
        unsafe { (*TRAPS.load(Ordering::Relaxed)).store(true, Ordering::Relaxed) };
    }
    let instructions = filter.instructions();
    let program = libc::sock_fprog {
        len: instructions.len() as u16,
        filter: instructions.as_ptr().cast_mut().cast(),
    };
    // SAFETY: a page of its own, and a child that makes system calls only.
    unsafe {
        let (access, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        let page = libc::mmap(core::ptr::null_mut(), 4096, access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        TRAPS.store(page.cast(), Ordering::Relaxed);
        let child = libc::fork();
        assert!(child >= 0, "a process can be made");
        if child == 0 {
            libc::signal(libc::SIGSYS, on_trap as *const () as usize);
            libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(libc::SYS_seccomp, 1, 0, &raw const program);
            libc::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
            std::process::abort();
        }
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        let is_trapped = (*TRAPS.load(Ordering::Relaxed)).load(Ordering::Relaxed);
        libc::munmap(page, 4096);
        is_trapped
    }
}

#[test]
fn calls_of_the_programs_own_code_are_trapped_whatever_they_are() {
    // None is ours: the region is where nothing is mapped.
    let filter = native((0x5500, 0x5540));
    for number in [libc::SYS_getpid, libc::SYS_mmap, libc::SYS_openat, -1] {
        assert!(is_trapped(&filter, (number, [0; 6])), "call {number}");
    }
}

#[test]
fn code_can_be_made_where_the_programs_own_runs_and_nowhere_else() {
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
    let code = (libc::PROT_READ | libc::PROT_EXEC) as u64;
    let map = (libc::SYS_mmap, [0, 4096, code, flags, u64::MAX, 0]);
    assert_eq!(attempt(Some(&verifying()), map), KILLED);
    assert_eq!(attempt(Some(&native(ANYWHERE)), map), Outcome::CameBack);
}

#[test]
fn attacks_end_at_the_wall_and_nowhere_else() {
    for (name, call) in attacks() {
        assert_eq!(
            attempt(None, call),
            Outcome::CameBack,
            "{name} without the wall"
        );
        for filter in [verifying(), serving(), native(ANYWHERE), waiter(REPORT)] {
            assert_eq!(attempt(Some(&filter), call), KILLED, "{name}");
        }
    }
}

/// Every number there is and some to come, those of the x32 interface, and nonsense.
fn numbers() -> impl Iterator<Item = libc::c_long> {
    const X32: libc::c_long = 0x4000_0000;
    (0..600)
        .chain((0..600).map(|number| number | X32))
        .chain([-1, 1 << 31])
}

/// `uretprobe` and `uprobe` pass every filter (kernel/seccomp.c): they do something only where the
/// kernel itself has put the call.
const OF_THE_KERNEL: [libc::c_long; 2] = [335, 336];

fn assert_others_kill(filter: &Filter, allowed: &[libc::c_long]) {
    let allowed = [allowed, &OF_THE_KERNEL].concat();
    for number in numbers().filter(|number| !allowed.contains(number)) {
        let outcome = attempt(Some(filter), (number, [0; 6]));
        assert_eq!(outcome, KILLED, "call {number}");
    }
}

const ALLOWED: [libc::c_long; 15] = [
    libc::SYS_mprotect,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_arch_prctl,
    libc::SYS_rt_sigreturn,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_restart_syscall,
    libc::SYS_clock_gettime,
    libc::SYS_wait4,
    libc::SYS_clone,
    libc::SYS_exit_group,
];

const ALLOWED_TO_SERVERS: [libc::c_long; 6] = [
    libc::SYS_recvmsg,
    libc::SYS_close,
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_lseek,
    libc::SYS_pwrite64,
];

#[test]
fn no_other_call_comes_through() {
    assert_others_kill(&verifying(), &ALLOWED);
    assert_others_kill(&native(ANYWHERE), &ALLOWED);
}

#[test]
fn no_other_call_of_a_server_comes_through() {
    assert_others_kill(&serving(), &[&ALLOWED[..], &ALLOWED_TO_SERVERS].concat());
}

#[test]
fn no_other_call_of_a_native_server_comes_through() {
    let more = [libc::SYS_setitimer, libc::SYS_perf_event_open];
    let allowed = [&ALLOWED[..], &ALLOWED_TO_SERVERS, &more].concat();
    assert_others_kill(&serving_with(Some(ANYWHERE)), &allowed);
}

#[test]
fn a_native_server_has_a_clock_that_tells_nobody_else() {
    let filter = serving_with(Some(ANYWHERE));
    let clock = |which, old| (libc::SYS_setitimer, [which, 0, old, 0, 0, 0]);
    let [real, virtual_time] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL].map(|which| which as u64);
    assert_eq!(attempt(Some(&filter), clock(real, 0)), Outcome::CameBack);
    assert_eq!(attempt(Some(&filter), clock(virtual_time, 0)), KILLED);
    assert_eq!(attempt(Some(&filter), clock(real, 4096)), KILLED);
    assert_eq!(attempt(Some(&serving()), clock(real, 0)), KILLED);
}

#[test]
fn a_native_server_watches_itself_alone() {
    let filter = serving_with(Some(ANYWHERE));
    let every = u64::MAX;
    let open = |process, processor, group, flags| {
        (
            libc::SYS_perf_event_open,
            [0, process, processor, group, flags, 0],
        )
    };
    assert_eq!(
        attempt(Some(&filter), open(0, every, every, 8)),
        Outcome::CameBack
    );
    for call in [
        open(1, every, every, 8),
        open(every, 0, every, 8),
        open(0, every, 0, 8),
        open(0, every, every, 0),
    ] {
        assert_eq!(attempt(Some(&filter), call), KILLED, "{call:?}");
    }
    assert_eq!(attempt(Some(&serving()), open(0, every, every, 8)), KILLED);
}

#[test]
fn no_other_call_of_a_waiter_comes_through() {
    let allowed = [
        libc::SYS_wait4,
        libc::SYS_write,
        libc::SYS_restart_syscall,
        libc::SYS_exit_group,
    ];
    assert_others_kill(&waiter(REPORT), &allowed);
}

const PRIVATE: u64 = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
const NO_FILE: u64 = u64::MAX;
const HIGH: u64 = 1 << 32;

#[test]
fn arguments_a_replayer_has_no_use_for_kill() {
    let execute = libc::PROT_EXEC as u64;
    let every = u64::MAX;
    let calls: Vec<Call> = vec![
        (libc::SYS_mmap, [0, 4096, execute, PRIVATE, NO_FILE, 0]),
        (libc::SYS_mmap, [0, 4096, 3 | HIGH, PRIVATE, NO_FILE, 0]),
        (
            libc::SYS_mmap,
            [0, 4096, 3, PRIVATE | libc::MAP_HUGETLB as u64, NO_FILE, 0],
        ),
        (
            libc::SYS_mmap,
            [0, 4096, 3, PRIVATE | libc::MAP_LOCKED as u64, NO_FILE, 0],
        ),
        (libc::SYS_mmap, [0, 4096, 3, PRIVATE | HIGH, NO_FILE, 0]),
        (libc::SYS_mprotect, [0, 4096, execute, 0, 0, 0]),
        (
            libc::SYS_mprotect,
            [0, 4096, 1 | libc::PROT_GROWSDOWN as u64, 0, 0, 0],
        ),
        (libc::SYS_write, [2, 0, 0, 0, 0, 0]),
        (libc::SYS_write, [u64::from(REPORT) - 1, 0, 0, 0, 0, 0]),
        (libc::SYS_write, [u64::from(REPORT) | HIGH, 0, 0, 0, 0, 0]),
        // ARCH_SET_GS, ARCH_CET…, ARCH_REQ_XCOMP_PERM.
        (libc::SYS_arch_prctl, [0x1001, 0, 0, 0, 0, 0]),
        (libc::SYS_arch_prctl, [0x5001, 0, 0, 0, 0, 0]),
        (libc::SYS_arch_prctl, [0x1023, 0, 0, 0, 0, 0]),
        (libc::SYS_mremap, [0, 4096, 4096, 0, 0, 0]),
        (libc::SYS_mremap, [0, 4096, 4096, 7, 0, 0]),
        // MADV_HWPOISON, MADV_SOFT_OFFLINE, MADV_MERGEABLE.
        (libc::SYS_madvise, [0, 4096, 100, 0, 0, 0]),
        (libc::SYS_madvise, [0, 4096, 101, 0, 0, 0]),
        (libc::SYS_madvise, [0, 4096, 12, 0, 0, 0]),
        // FUTEX_LOCK_PI, FUTEX_WAIT_REQUEUE_PI, FUTEX_WAKE_OP.
        (libc::SYS_futex, [0, 6, 0, 0, 0, 0]),
        (libc::SYS_futex, [0, 11, 0, 0, 0, 0]),
        (libc::SYS_futex, [0, 5, 0, 0, 0, 0]),
        (libc::SYS_clock_gettime, [0, 0, 0, 0, 0, 0]),
        (libc::SYS_wait4, [1, 0, 0, 0, 0, 0]),
        (libc::SYS_wait4, [every, 0, libc::__WALL as u64, 0, 0, 0]),
        (libc::SYS_wait4, [every, 0, 1, 4096, 0, 0]),
        (libc::SYS_clone, [libc::CLONE_VM as u64 | 17, 0, 0, 0, 0, 0]),
        (
            libc::SYS_clone,
            [libc::CLONE_NEWUSER as u64 | 17, 0, 0, 0, 0, 0],
        ),
        (
            libc::SYS_clone,
            [libc::CLONE_PARENT as u64 | 17, 0, 0, 0, 0, 0],
        ),
        (libc::SYS_clone, [17, 4096, 0, 0, 0, 0]),
        (libc::SYS_clone, [17 | HIGH, 0, 0, 0, 0, 0]),
    ];
    for filter in [verifying(), serving()] {
        for &call in &calls {
            assert_eq!(attempt(Some(&filter), call), KILLED, "{call:?}");
        }
    }
    // A server has sockets that it did not have at first; others have not.
    let fresh = (libc::SYS_write, [u64::from(FIRST_FREE), 0, 0, 0, 0, 0]);
    assert_eq!(attempt(Some(&verifying()), fresh), KILLED);
}

#[test]
fn arguments_a_server_has_no_use_for_kill() {
    let fresh = u64::from(FIRST_FREE);
    for call in [
        (libc::SYS_write, [2, 0, 0, 0, 0, 0]),
        // The pipe by which the client's end is known, and files of the trace.
        (libc::SYS_close, [2, 0, 0, 0, 0, 0]),
        (libc::SYS_close, [fresh - 1, 0, 0, 0, 0, 0]),
        (libc::SYS_close, [fresh | HIGH, 0, 0, 0, 0, 0]),
        (libc::SYS_recvmsg, [2, 0, 0, 0, 0, 0]),
        (libc::SYS_recvmsg, [fresh, 0, libc::MSG_OOB as u64, 0, 0, 0]),
        (libc::SYS_memfd_create, [0, 0, 0, 0, 0, 0]),
        (
            libc::SYS_memfd_create,
            [0, libc::MFD_HUGETLB.into(), 0, 0, 0, 0],
        ),
        (libc::SYS_ftruncate, [fresh, OBJECTS_SIZE + 1, 0, 0, 0, 0]),
        (libc::SYS_ftruncate, [2, OBJECTS_SIZE, 0, 0, 0, 0]),
        (libc::SYS_lseek, [fresh, 0, libc::SEEK_SET as u64, 0, 0, 0]),
        (libc::SYS_pwrite64, [2, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(attempt(Some(&serving()), call), KILLED, "{call:?}");
    }
}

#[test]
fn what_a_replayer_needs_comes_through() {
    let fixed = (libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE) as u64;
    let own: Vec<Call> = vec![
        (
            libc::SYS_mmap,
            [1 << 40, 4096, 3, PRIVATE | fixed, NO_FILE, 0],
        ),
        (libc::SYS_mprotect, [0, 4096, 1, 0, 0, 0]),
        (libc::SYS_pread64, [2, 0, 0, 0, 0, 0]),
        (libc::SYS_write, [u64::from(REPORT), 0, 0, 0, 0, 0]),
        (libc::SYS_arch_prctl, [0x1002, 0, 0, 0, 0, 0]),
        (libc::SYS_mremap, [0, 4096, 4096, 3, 0, 0]),
        (libc::SYS_madvise, [0, 4096, 4, 0, 0, 0]),
        (libc::SYS_futex, [0, 1, 1, 0, 0, 0]),
        (libc::SYS_clock_gettime, [1, 0, 0, 0, 0, 0]),
        (libc::SYS_wait4, [u64::MAX, 0, 1, 0, 0, 0]),
        (libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]),
    ];
    for filter in [verifying(), serving()] {
        for &call in &own {
            assert_eq!(attempt(Some(&filter), call), Outcome::CameBack, "{call:?}");
        }
    }
    for descriptor in [CONTROL, OBJECTS, FIRST_FREE, FIRST_FREE + 7] {
        let descriptor = u64::from(descriptor);
        for call in [
            (libc::SYS_write, [descriptor, 0, 0, 0, 0, 0]),
            (
                libc::SYS_recvmsg,
                [descriptor, 0, libc::MSG_DONTWAIT as u64, 0, 0, 0],
            ),
            (libc::SYS_close, [descriptor, 0, 0, 0, 0, 0]),
            (libc::SYS_ftruncate, [descriptor, OBJECTS_SIZE, 0, 0, 0, 0]),
            (libc::SYS_pwrite64, [descriptor, 0, 0, 0, 0, 0]),
            (
                libc::SYS_lseek,
                [descriptor, 0, libc::SEEK_DATA as u64, 0, 0, 0],
            ),
        ] {
            assert_eq!(
                attempt(Some(&serving()), call),
                Outcome::CameBack,
                "{call:?}"
            );
        }
    }
}

/// The interface of 32-bit programs has other numbers: 20 is `getpid` there.
#[test]
fn calls_of_another_architecture_kill() {
    // SAFETY: as in `attempt`; the assembly makes one call, and saves the register that the
    // compiler keeps for itself.
    let status = unsafe {
        let filter = verifying();
        let program = (
            filter.instructions().len() as u64,
            filter.instructions().as_ptr(),
        );
        let child = libc::fork();
        if child == 0 {
            libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if libc::syscall(libc::SYS_seccomp, 1, 0, &raw const program) != 0 {
                libc::_exit(1);
            }
            std::arch::asm!("int 0x80", inlateout("eax") 20 => _, lateout("r8") _, lateout("r9") _,
                lateout("r10") _, lateout("r11") _);
            libc::syscall(libc::SYS_exit_group, 0);
        }
        let mut status = 0;
        while libc::waitpid(child, &raw mut status, 0) < 0 {}
        status
    };
    // A kernel without that interface faults instead.
    let refused = [libc::SIGSYS, libc::SIGSEGV];
    assert!(libc::WIFSIGNALED(status) && refused.contains(&libc::WTERMSIG(status)));
}
