//! Learning of the death of processes that are not our children.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `struct pidfd_info`, first published size (include/uapi/linux/pidfd.h, Linux 6.13).
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    identities: [u32; 8],
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

/// `_IOWR(0xff, 11, struct pidfd_info)` with its first size.
const PIDFD_GET_INFO: libc::c_ulong = 0xc040_ff0b;
/// Exit status wanted and given (Linux 6.15).
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// A descriptor that becomes readable when the process is dead.
///
/// # Errors
/// ESRCH when there is no such process (any more).
pub fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain system call; a valid result is a fresh descriptor.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// For each descriptor whether its process is dead.
pub fn dead(descriptors: &[i32]) -> Vec<bool> {
    let mut polls: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|&fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // SAFETY: the array is ours and has that length; a timeout of 0 does not block.
    unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, 0) };
    polls
        .iter()
        .map(|poll| poll.revents & (libc::POLLIN | libc::POLLHUP) != 0)
        .collect()
}

/// Wait status of a dead and reaped process, where the kernel tells.
pub fn exit_status(pidfd: &OwnedFd) -> Option<i32> {
    let mut info = PidfdInfo {
        mask: PIDFD_INFO_EXIT,
        ..PidfdInfo::default()
    };
    // SAFETY: the structure has the size encoded in the request.
    let result =
        unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO as libc::Ioctl, &mut info) };
    (result == 0 && info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code)
}
