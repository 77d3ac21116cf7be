//! The control socket (`SOCK_SEQPACKET`): whole requests in, whole replies out, and descriptors
//! with requests.

use reenact_freestanding::numbers as n;
use reenact_freestanding::syscall::{syscall1, syscall3};

use crate::system::{self, check, Errno};

/// Longest request and reply, bytes.
pub const MOST_MESSAGE: usize = 128 << 10;

const EINTR: i32 = n::EINTR as i32;
const EAGAIN: i32 = n::EAGAIN as i32;

/// What came in.
pub enum Received {
    /// So many bytes of the buffer, and the descriptor that came along.
    Message(usize, Option<i32>),
    /// Nothing now (only when asked not to wait).
    Nothing,
    /// The other side is gone.
    Closed,
}

/// One end of the socket.
#[derive(Clone, Copy)]
pub struct Channel {
    descriptor: i32,
}

/// The kernel's `struct user_msghdr`.
#[repr(C)]
struct MessageHeader {
    name: u64,
    name_length: u64,
    parts: *const Part,
    part_count: u64,
    control: *mut ControlMessage,
    control_length: u64,
    flags: u64,
}

/// `struct iovec`.
#[repr(C)]
struct Part {
    address: *mut u8,
    length: u64,
}

/// `struct cmsghdr` with room for one descriptor.
#[repr(C)]
#[derive(Default)]
struct ControlMessage {
    length: u64,
    level: i32,
    kind: i32,
    descriptor: i32,
    padding: i32,
}

impl Channel {
    pub fn new(descriptor: i32) -> Channel {
        Channel { descriptor }
    }

    pub fn descriptor(self) -> i32 {
        self.descriptor
    }

    /// Take a request.
    pub fn receive(self, buffer: &mut [u8], wait: bool) -> Received {
        let part = Part {
            address: buffer.as_mut_ptr(),
            length: buffer.len() as u64,
        };
        let mut control = ControlMessage::default();
        let mut header = MessageHeader {
            name: 0,
            name_length: 0,
            parts: &raw const part,
            part_count: 1,
            control: &raw mut control,
            control_length: size_of::<ControlMessage>() as u64,
            flags: 0,
        };
        let flags = n::MSG_CMSG_CLOEXEC | if wait { 0 } else { n::MSG_DONTWAIT };
        loop {
            // SAFETY: the header describes `buffer` and `control`, which live through the call.
            let result = unsafe {
                syscall3(
                    n::RECVMSG,
                    self.descriptor as u64,
                    (&raw mut header) as u64,
                    flags,
                )
            };
            return match check(result) {
                Ok(0) => Received::Closed,
                Ok(length) => Received::Message(length as usize, control.passed()),
                Err(Errno(EINTR)) => continue,
                Err(Errno(EAGAIN)) => Received::Nothing,
                Err(_) => Received::Closed,
            };
        }
    }

    /// Send a reply; `false` when nobody listens any more.
    pub fn send(self, message: &[u8]) -> bool {
        system::write_all(self.descriptor, message).is_ok()
    }

    pub fn close(self) {
        // SAFETY: the descriptor is this channel's, which is not used afterwards.
        unsafe { syscall1(n::CLOSE, self.descriptor as u64) };
    }
}

impl ControlMessage {
    fn passed(&self) -> Option<i32> {
        const SOL_SOCKET: i32 = n::SOL_SOCKET as i32;
        const SCM_RIGHTS: i32 = n::SCM_RIGHTS as i32;
        const LENGTH: u64 = 20;
        (self.length == LENGTH && self.level == SOL_SOCKET && self.kind == SCM_RIGHTS)
            .then_some(self.descriptor)
    }
}
