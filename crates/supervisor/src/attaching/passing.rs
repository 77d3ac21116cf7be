//! Descriptors of ours given to another process, by a pair of sockets that it makes: no path has to lead from it to us, and it
//! need not be allowed to look at us.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Most descriptors at once.
const MOST: usize = 8;
/// Bytes of a control message with so many.
const CONTROL: usize = size_of::<libc::cmsghdr>() + MOST * size_of::<RawFd>();

/// Another process's descriptor, as one of ours.
///
/// # Errors
/// Where the kernel has no `pidfd_getfd` (before 5.6), or we may not look at the process.
pub fn take(pid: libc::pid_t, descriptor: i32) -> io::Result<OwnedFd> {
    let own = |result: libc::c_long| {
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor.
        Ok(unsafe { OwnedFd::from_raw_fd(result as RawFd) })
    };
    // SAFETY: plain system calls.
    let process = own(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: as above.
    own(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), descriptor, 0) })
}

/// Send descriptors through a socket.
///
/// # Errors
/// What the kernel says.
pub fn send(socket: &OwnedFd, descriptors: &[RawFd]) -> io::Result<()> {
    let mut control = [0u64; CONTROL.div_ceil(8)];
    let mut byte = 0u8;
    let mut piece = libc::iovec {
        iov_base: ptr::from_mut(&mut byte).cast(),
        iov_len: 1,
    };
    let bytes = size_of_val(descriptors) as u32;
    // SAFETY: a message of ours, with room for the descriptors (the caller has a few).
    let sent = unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(bytes) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes) as _;
        ptr::copy_nonoverlapping(
            descriptors.as_ptr(),
            libc::CMSG_DATA(header).cast::<RawFd>(),
            descriptors.len(),
        );
        libc::sendmsg(socket.as_raw_fd(), &raw const message, 0)
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
