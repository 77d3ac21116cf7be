//! Starting the first process: the recorder, with the descriptors it needs.
//!
//! The parent may be a Python process with many threads, so the child shares our memory until
//! it execs (`CLONE_VM | CLONE_VFORK`, as `posix_spawn` does): no copying of page tables, and
//! everything it needs has been allocated before.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::{c_char, c_int, c_void};

use reenact_trace::arena::{write_slot_variable, SLOT_VARIABLE_MAX};

/// Hidden descriptors get numbers just below the limit, but no higher than this: the kernel
/// copies the whole descriptor table up to the highest number at every fork.
const HIGHEST_DESCRIPTOR: RawFd = 1024;
const STACK_SIZE: usize = 64 << 10;

/// Numbers of the hidden descriptors in the recorded processes.
#[derive(Clone, Copy, Debug)]
pub struct HiddenNumbers {
    pub recorder: RawFd,
    pub arena: RawFd,
    pub trace: RawFd,
    /// The recorder opens these.
    pub tracking: RawFd,
    pub program: RawFd,
}

#[cfg(target_env = "gnu")]
pub type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub type Resource = libc::c_int;

/// A limit of a process, soft and hard; `None`: of this one. Of one that may not be asked: none.
pub fn limit_of(process: Option<libc::pid_t>, resource: Resource) -> [u64; 2] {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure is ours. Where it fails it is as it was.
    unsafe { libc::prlimit(process.unwrap_or(0), resource, ptr::null(), &mut limit) };
    [limit.rlim_cur, limit.rlim_max]
}

/// Set a limit of this process; whether it may be so. Async-signal-safe.
pub fn set_limit(resource: Resource, [soft, hard]: [u64; 2]) -> bool {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the structure is ours.
    unsafe { libc::setrlimit(resource, &limit) == 0 }
}

/// How many descriptors the kernel's table of this process has room for, which the program's would have, too.
pub fn descriptor_table_size() -> u32 {
    /// As small as any is.
    const SMALLEST: u32 = 64;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let said = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
    said.and_then(|size| size.trim().parse().ok())
        .unwrap_or(SMALLEST)
}

/// Choose five unused descriptor numbers just below the soft limit.
pub fn choose_numbers() -> io::Result<HiddenNumbers> {
    let [soft, _] = limit_of(None, libc::RLIMIT_NOFILE);
    let end = RawFd::try_from(soft)
        .unwrap_or(RawFd::MAX)
        .min(HIGHEST_DESCRIPTOR);
    // SAFETY: asking for flags changes nothing.
    let unused = |fd: &RawFd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } < 0;
    choose_among(end, unused)
}

/// The same for another process: below `end`, where they are unused.
pub fn choose_among(end: RawFd, unused: impl Fn(&RawFd) -> bool) -> io::Result<HiddenNumbers> {
    let end = end.min(HIGHEST_DESCRIPTOR);
    // Consecutive, so that the recorder, which learns its own descriptor from AT_EXECFN
    // (/dev/fd/N), finds the other two.
    let first = (7..end)
        .rev()
        .find(|&fd| (fd - 4..=fd).all(|candidate| unused(&candidate)));
    match first {
        Some(recorder) => Ok(HiddenNumbers {
            recorder,
            arena: recorder - 1,
            trace: recorder - 2,
            tracking: recorder - 3,
            program: recorder - 4,
        }),
        None => Err(io::Error::from_raw_os_error(libc::EMFILE)),
    }
}

/// What to start.
pub struct Launch<'a> {
    pub recorder: RawFd,
    pub arena: RawFd,
    pub trace: RawFd,
    pub numbers: HiddenNumbers,
    pub arguments: &'a [OsString],
    /// Bytes of the path that becomes AT_EXECFN.
    pub name_length: usize,
    /// `NAME=value`; the slot variable is added here.
    pub environment: &'a [OsString],
    pub directory: Option<CString>,
    pub restore_signals: bool,
    /// Its limit of file sizes, soft and hard.
    pub file_sizes: [u64; 2],
}

/// Everything the child uses, prepared before it exists.
struct ChildPlan {
    duplicates: [(RawFd, RawFd); 3],
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    directory: *const c_char,
    restore_signals: bool,
    file_sizes: [u64; 2],
    mask: libc::sigset_t,
    error: AtomicI32,
}

fn c_strings(strings: &[OsString]) -> io::Result<Vec<CString>> {
    strings
        .iter()
        .map(|string| Ok(CString::new(string.clone().into_vec())?))
        .collect()
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

impl Launch<'_> {
    /// Start the process in slot 0; returns its pid.
    ///
    /// # Errors
    /// What the kernel says to the clone, the descriptors, the directory or the exec.
    pub fn start(&self) -> io::Result<libc::pid_t> {
        let arguments = c_strings(self.arguments)?;
        let mut environment = c_strings(self.environment)?;
        let mut variable = [0; SLOT_VARIABLE_MAX];
        let length = write_slot_variable(0, self.name_length, &mut variable);
        environment.push(CString::new(&variable[..length - 1])?);
        // SAFETY: an all-zero signal set is valid; it is filled below.
        let mask = unsafe { std::mem::zeroed() };
        let mut plan = ChildPlan {
            duplicates: [
                (self.recorder, self.numbers.recorder),
                (self.arena, self.numbers.arena),
                (self.trace, self.numbers.trace),
            ],
            argv: pointers(&arguments),
            envp: pointers(&environment),
            directory: self
                .directory
                .as_ref()
                .map_or(ptr::null(), |path| path.as_ptr()),
            restore_signals: self.restore_signals,
            file_sizes: self.file_sizes,
            mask,
            error: AtomicI32::new(0),
        };
        let mut stack = vec![0u8; STACK_SIZE];
        // SAFETY: the child runs on its own stack while this thread waits for its exec
        // (CLONE_VFORK), so the plan and the strings outlive its use of them. All signals are
        // blocked meanwhile, so that no handler of ours runs in the child on shared memory.
        let pid = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut plan.mask);
            let top = stack.as_mut_ptr().add(STACK_SIZE & !15);
            let pid = libc::clone(
                child,
                top.cast::<c_void>(),
                libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
                ptr::from_ref(&plan).cast_mut().cast::<c_void>(),
            );
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &plan.mask, ptr::null_mut());
            if pid < 0 {
                return Err(error);
            }
            pid
        };
        match plan.error.load(Ordering::Acquire) {
            0 => Ok(pid),
            error => {
                // SAFETY: reaping our own child, which has called _exit.
                unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
                Err(io::Error::from_raw_os_error(error))
            }
        }
    }
}

extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: the parent passes its plan and is suspended until we exec or exit. Only
    // async-signal-safe calls are made here.
    unsafe {
        let plan = &*plan.cast::<ChildPlan>();
        let status = become_recorder(plan);
        plan.error.store(status, Ordering::Release);
        libc::_exit(127)
    }
}

/// Only returns on failure, with the error number.
///
/// # Safety
/// To be called in the child of `Launch::start` only.
unsafe fn become_recorder(plan: &ChildPlan) -> c_int {
    // SAFETY: see above; all pointers come from the plan.
    unsafe {
        let errno = || *libc::__errno_location();
        reset_handlers(plan.restore_signals);
        if !set_limit(libc::RLIMIT_FSIZE, plan.file_sizes) {
            return errno();
        }
        for (from, to) in plan.duplicates {
            // Without close-on-exec: every recorded process inherits them.
            if libc::dup2(from, to) < 0 {
                return errno();
            }
        }
        if !plan.directory.is_null() && libc::chdir(plan.directory) != 0 {
            return errno();
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &plan.mask, ptr::null_mut());
        libc::syscall(
            libc::SYS_execveat,
            plan.duplicates[0].1,
            c"".as_ptr(),
            plan.argv.as_ptr(),
            plan.envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
        errno()
    }
}

/// Handlers of the parent become the default, as exec would make them; ignored signals stay
/// ignored, but for the two that language runtimes ignore for themselves.
///
/// # Safety
/// Async-signal-safe; changes the signal actions of the calling process.
unsafe fn reset_handlers(restore: bool) {
    // SAFETY: plain sigaction calls on local structures.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        for signal in 1..=64 {
            let mut current: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut current) != 0 {
                continue;
            }
            let ours = matches!(signal, libc::SIGPIPE | libc::SIGXFSZ) && restore;
            let handled = !matches!(current.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN);
            if handled || (ours && current.sa_sigaction == libc::SIG_IGN) {
                libc::sigaction(signal, &default, ptr::null_mut());
            }
        }
    }
}
