//! A place of its own for the replayer: namespaces without network, files or other processes, and
//! no privileges. What the machine does not allow is left out; the seccomp filter stands alone then.

use core::ffi::CStr;

use linux_raw_sys::general as k;
use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall1, syscall2, syscall3, syscall4};

use crate::system::{self, check};

/// Whom root becomes.
const NOBODY: u64 = 65534;
/// An empty folder on every machine with /proc: the descriptors' own.
const EMPTY_ROOT: &CStr = c"/proc/self/fdinfo";

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Confinement {
    /// Processes that the kernel counts for this user beside the replayer's, at most.
    pub other_processes: u64,
    /// The next process that is forked is the first of its own namespace, and all end with it.
    pub is_first_apart: bool,
}

/// Enter it.
///
/// # Arguments
/// * `serves` - a client gets the numbers of processes: they must be those of its own namespace.
pub fn enter(serves: bool) -> Confinement {
    // When memory runs out the kernel shall end a replay before anything else.
    write_once(c"/proc/self/oom_score_adj", b"1000");
    let others = processes_on_machine();
    let processes = if serves { 0 } else { k::CLONE_NEWPID };
    let apart = k::CLONE_NEWNS | k::CLONE_NEWNET | k::CLONE_NEWIPC | k::CLONE_NEWUTS | processes;
    let (is_apart, is_counted_apart) = if is_root() && (!serves || may_look_into_others()) {
        let is_apart = unshare(apart);
        // As root no limit of processes would hold.
        become_nobody();
        (is_apart, unshare(k::CLONE_NEWUSER))
    } else {
        let is_apart = unshare(k::CLONE_NEWUSER | apart);
        (is_apart, is_apart || unshare(k::CLONE_NEWUSER))
    };
    // Last: whose root is not the machine's may have no namespace of users.
    leave_files();
    drop_capabilities();
    Confinement {
        other_processes: if is_counted_apart && counts_by_namespace() {
            0
        } else {
            others
        },
        is_first_apart: is_apart && !serves,
    }
}

fn is_root() -> bool {
    // SAFETY: asks only.
    unsafe { syscall1(u64::from(k::__NR_geteuid), 0) == 0 }
}

/// Whether we, and so our client, have the right to look into processes of other users: it wants to
/// know how much memory copies take.
fn may_look_into_others() -> bool {
    const SYS_PTRACE: u32 = 19;
    let header = capability_header();
    let mut capabilities = [0u32; 6];
    // SAFETY: the kernel reads the header and writes two entries of three words.
    let result = unsafe {
        syscall2(
            u64::from(k::__NR_capget),
            header.as_ptr() as u64,
            capabilities.as_mut_ptr() as u64,
        )
    };
    result == 0 && capabilities[0] >> SYS_PTRACE & 1 == 1
}

/// `_LINUX_CAPABILITY_VERSION_3` and this process.
fn capability_header() -> [u32; 2] {
    [0x2008_0522, 0]
}

fn drop_capabilities() {
    let header = capability_header();
    let none = [0u32; 6];
    // SAFETY: the kernel reads both; rights are only taken away.
    unsafe {
        syscall2(
            u64::from(k::__NR_capset),
            header.as_ptr() as u64,
            none.as_ptr() as u64,
        )
    };
}

fn unshare(namespaces: u32) -> bool {
    // SAFETY: one host thread, which shares nothing it needs.
    unsafe { syscall1(u64::from(k::__NR_unshare), u64::from(namespaces)) == 0 }
}

/// No path leads anywhere any more.
fn leave_files() {
    // SAFETY: constant paths.
    unsafe {
        if syscall1(u64::from(k::__NR_chroot), EMPTY_ROOT.as_ptr() as u64) == 0 {
            syscall1(u64::from(k::__NR_chdir), c"/".as_ptr() as u64);
        }
    }
}

fn become_nobody() {
    // SAFETY: rights are only taken away.
    unsafe {
        syscall2(u64::from(k::__NR_setgroups), 0, 0);
        syscall3(u64::from(k::__NR_setresgid), NOBODY, NOBODY, NOBODY);
        syscall3(u64::from(k::__NR_setresuid), NOBODY, NOBODY, NOBODY);
    }
}

/// Whether the kernel counts a user's processes in each namespace of users: since Linux 5.14.
fn counts_by_namespace() -> bool {
    const FIELD: usize = 65;
    let mut names = [[0u8; FIELD]; 6];
    // SAFETY: the kernel writes six names of that length.
    unsafe { syscall1(u64::from(k::__NR_uname), names.as_mut_ptr() as u64) };
    // "5.14.0-rc1"
    let mut parts = names[2].split(|&byte| byte == b'.').map(number);
    let version = (parts.next(), parts.next());
    version >= (Some(5), Some(14))
}

/// The number that a text begins with.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, &digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

/// All processes and threads of the machine: the user has no more.
fn processes_on_machine() -> u64 {
    // "0.00 0.01 0.05 1/234 5678"
    let mut text = [0u8; 64];
    let length = read_once(c"/proc/loadavg", &mut text);
    let all = text[..length].split(|&byte| byte == b'/').nth(1);
    all.map_or(0, number)
}

fn read_once(path: &CStr, buffer: &mut [u8]) -> usize {
    open(path, n::O_RDONLY).map_or(0, |descriptor| {
        let length = system::read_at(descriptor, buffer, 0).unwrap_or(0);
        close(descriptor);
        length
    })
}

fn write_once(path: &CStr, content: &[u8]) {
    if let Some(descriptor) = open(path, u64::from(k::O_WRONLY)) {
        let _ = system::write_all(descriptor, content);
        close(descriptor);
    }
}

fn open(path: &CStr, flags: u64) -> Option<i32> {
    // SAFETY: the path is NUL-terminated.
    let result = unsafe {
        syscall4(
            n::OPENAT,
            n::AT_FDCWD as u64,
            path.as_ptr() as u64,
            flags | n::O_CLOEXEC,
            0,
        )
    };
    check(result).ok().map(|descriptor| descriptor as i32)
}

fn close(descriptor: i32) {
    // SAFETY: our descriptor.
    unsafe { syscall1(n::CLOSE, descriptor as u64) };
}
