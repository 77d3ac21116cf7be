//! Waiting for the first process, and ending all of them when it runs longer than it may.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reenact_trace::arena::{slot_state, state, SLOT_COUNT};

use crate::arena_memory::Arena;
use crate::process_watch;

/// How long a process has to end after SIGABRT before it gets SIGKILL.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// How often a kernel without pidfds is asked.
const PAUSE: Duration = Duration::from_millis(10);

/// How the first process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootEnd {
    pub wait_status: i32,
    /// We ended it.
    pub timed_out: bool,
}

/// Wait for `pid`, our child and the first recorded process; for at most `timeout`, then every
/// recorded process is ended with SIGABRT: it is not resumed, so its trace ends where it hung.
pub fn wait(pid: libc::pid_t, timeout: Option<Duration>, arena: &Arena) -> RootEnd {
    let mut timed_out = false;
    if let Some(timeout) = timeout {
        if !ends_within(pid, timeout) {
            timed_out = true;
            signal_all(arena, libc::SIGABRT);
            if !ends_within(pid, ABORT_GRACE) {
                signal_all(arena, libc::SIGKILL);
            }
        }
    }
    RootEnd {
        wait_status: reap(pid),
        timed_out,
    }
}

/// The wait status of a process whose parent we are not.
pub const NOT_KNOWN: i32 = -1;
/// How often it is looked whether the recording has been stopped. Milliseconds.
const LOOK_EVERY: libc::c_int = 50;

/// Wait for a process that is not our child, or until the recording has been stopped.
pub fn wait_for_attached(pid: libc::pid_t, arena: &Arena) -> RootEnd {
    let descriptor = process_watch::open(pid as u32).ok();
    loop {
        let is_stopped = arena.header().state.load(Ordering::Acquire) == state::STOPPED;
        if is_stopped {
            break;
        }
        let Some(descriptor) = &descriptor else {
            // SAFETY: asks whether it is there.
            if unsafe { libc::kill(pid, 0) } != 0 {
                break;
            }
            std::thread::sleep(PAUSE);
            continue;
        };
        let mut request = libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd of ours.
        if unsafe { libc::poll(&mut request, 1, LOOK_EVERY) } > 0 {
            break;
        }
    }
    RootEnd {
        wait_status: NOT_KNOWN,
        timed_out: false,
    }
}

/// Whether a child of ours ends in time. It is not reaped.
fn ends_within(pid: libc::pid_t, time: Duration) -> bool {
    let end = Instant::now() + time;
    let descriptor = process_watch::open(pid as u32).ok();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let Some(descriptor) = &descriptor else {
            if has_ended(pid) || left.is_zero() {
                return has_ended(pid);
            }
            std::thread::sleep(PAUSE.min(left));
            continue;
        };
        let mut request = libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // Rounded up, lest the last millisecond is spent asking.
        let milliseconds = i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: one pollfd of ours.
        let ready = unsafe { libc::poll(&mut request, 1, milliseconds) };
        if ready > 0 {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

fn has_ended(pid: libc::pid_t) -> bool {
    // SAFETY: an all-zero siginfo is valid; the child is asked about, not reaped.
    unsafe {
        let mut information: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let result = libc::waitid(libc::P_PID, pid as libc::id_t, &mut information, options);
        result != 0 || information.si_pid() == pid
    }
}

/// Send a signal to every recorded process that lives.
fn signal_all(arena: &Arena, signal: i32) {
    for index in 0..SLOT_COUNT {
        let slot = arena.slot(index);
        let pid = slot.pid.load(Ordering::Acquire);
        if slot.state.load(Ordering::Acquire) == slot_state::ACTIVE && pid != 0 {
            // SAFETY: plain system call. A slot is given back soon after its process died.
            unsafe { libc::kill(pid as libc::pid_t, signal) };
        }
    }
}

fn reap(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    loop {
        // SAFETY: waiting for our own child.
        if unsafe { libc::waitpid(pid, &mut status, 0) } == pid {
            return status;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return 125 << 8; // Somebody else reaped it; its status is lost.
        }
    }
}
