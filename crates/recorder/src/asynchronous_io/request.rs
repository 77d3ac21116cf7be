//! One request (`struct iocb` of include/uapi/linux/aio_abi.h), carried out.

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall3, syscall4};
use reenact_interpose::interruptible::{self, NOT_BEGUN};
use reenact_trace::layout::overlaps_region;
use reenact_trace::Tag;

use super::ring::Ring;
use crate::call::Call;
use crate::file_changes::{self, Change};
use crate::released::{was_preempted, while_released};
use crate::{files, guest, hidden_descriptors, scheduler, text};

/// What has become of a request.
pub enum Performed {
    /// Its completion is in the ring.
    Done,
    /// It was not taken: -errno.
    Refused(i64),
    /// A signal came first.
    Interrupted,
}

/// What requests ask for (`IOCB_CMD_…`). To be told when a descriptor is ready is refused, as kernels before
/// 4.18 do.
mod command {
    pub const PREAD: u16 = 0;
    pub const PWRITE: u16 = 1;
    pub const FSYNC: u16 = 2;
    pub const FDSYNC: u16 = 3;
    pub const PREADV: u16 = 7;
    pub const PWRITEV: u16 = 8;
}

/// Where a request has the kernel's key.
pub const KEY_AT: u64 = 8;
/// `IOCB_FLAG_RESFD`.
const TELLS: u32 = 1;
/// `UIO_MAXIOV`
const MOST_BUFFERS: u64 = 1024;

struct Request {
    data: u64,
    flags: u32,
    command: u16,
    file: u32,
    buffer: u64,
    size: u64,
    offset: u64,
    reserved: u64,
    tells: Option<u32>,
}

impl Request {
    fn read(at: u64) -> Option<Request> {
        let mut words = [0u64; 8];
        for (index, word) in words.iter_mut().enumerate() {
            *word = guest::read_u64(at.checked_add(index as u64 * 8)?)?;
        }
        let [data, key_and_flags, kind_and_file, buffer, size, offset, reserved, end] = words;
        Some(Request {
            data,
            flags: (key_and_flags >> 32) as u32,
            command: kind_and_file as u16,
            file: (kind_and_file >> 32) as u32,
            buffer,
            size,
            offset,
            reserved,
            tells: (end as u32 & TELLS != 0).then_some((end >> 32) as u32),
        })
    }

    /// Whether it takes an array of buffers, so many.
    fn is_vector(&self) -> bool {
        matches!(self.command, command::PREADV | command::PWRITEV)
    }

    fn reads(&self) -> bool {
        matches!(self.command, command::PREAD | command::PREADV)
    }

    fn writes(&self) -> bool {
        matches!(self.command, command::PWRITE | command::PWRITEV)
    }

    /// Its buffers: address and length of each; `None` where the array cannot be read.
    fn buffers(&self) -> impl Iterator<Item = Option<[u64; 2]>> + '_ {
        let count = if self.is_vector() {
            self.size.min(MOST_BUFFERS)
        } else {
            1
        };
        (0..count).map(|index| {
            if !self.is_vector() {
                return Some([self.buffer, self.size]);
            }
            let at = self.buffer.checked_add(index * 16)?;
            Some([guest::read_u64(at)?, guest::read_u64(at.checked_add(8)?)?])
        })
    }

    /// What the kernel refuses before it begins (`io_submit_one`).
    fn check(&self) -> Result<(), i64> {
        let is_known = self.reads()
            || self.writes()
            || matches!(self.command, command::FSYNC | command::FDSYNC);
        if self.reserved != 0 || (self.size as i64) < 0 {
            return Err(-EINVAL);
        }
        let file = u64::from(self.file);
        // SAFETY: asks for flags.
        if hidden_descriptors::is_hidden(file) || unsafe { syscall3(FCNTL, file, F_GETFD, 0) } < 0 {
            return Err(-EBADF);
        }
        if let Some(told) = self.tells {
            if !is_counter(told)? {
                return Err(-EINVAL);
            }
        }
        let is_sync = !self.reads() && !self.writes();
        let has_more = self.buffer != 0 || self.offset != 0 || self.size != 0 || self.flags != 0;
        if !is_known || is_sync && has_more || self.is_vector() && self.size > MOST_BUFFERS {
            return Err(-EINVAL);
        }
        let is_regular = || files::status(self.file as i32).is_some_and(|it| it.is_regular);
        if (self.offset as i64) < 0 && is_regular() {
            return Err(-EINVAL);
        }
        Ok(())
    }

    /// Carry it out: the kernel's result, or that a signal came first.
    fn carry_out(&self, call: &mut Call<'_>) -> i64 {
        let file = u64::from(self.file);
        let (number, own) = match self.command {
            command::FSYNC => return make(call, numbers::FSYNC, [file, 0, 0, 0, 0, 0]),
            command::FDSYNC => return make(call, numbers::FDATASYNC, [file, 0, 0, 0, 0, 0]),
            command::PREAD | command::PREADV => (numbers::PREADV2, [self.buffer, self.size]),
            _ => (numbers::PWRITEV2, [self.buffer, self.size]),
        };
        let is_ours = |[at, length]: [u64; 2]| length != 0 && overlaps_region(at, length);
        if self.buffers().flatten().any(is_ours) {
            return -EFAULT;
        }
        let (vector, count) = if self.is_vector() {
            (self.buffer, self.size)
        } else {
            (own.as_ptr() as u64, 1)
        };
        let at = |offset| [file, vector, count, offset, 0, u64::from(self.flags)];
        let result = make(call, number, at(self.offset));
        if result == -numbers::ESPIPE {
            // A pipe or a socket, which has no place: that is not looked at.
            return make(call, number, at(u64::MAX));
        }
        result
    }

    /// Log what was read, and what mappings show of what was written.
    fn log(&self, call: &mut Call<'_>, change: Option<&Change>, result: i64) {
        if result <= 0 {
            return;
        }
        if self.writes() {
            if let Some(change) = change {
                file_changes::after_writing(call, change, self.offset, result as u64);
            }
            return;
        }
        let mut left = result as u64;
        for [at, length] in self.buffers().flatten() {
            let part = left.min(length);
            call.event.guest_memory(at, part);
            left -= part;
        }
    }
}

/// Make a call that may wait, as one of the program. While it waits, nobody else runs: if somebody asks for that, it
/// is made once more afterwards.
fn make(call: &mut Call<'_>, number: u64, args: [u64; 6]) -> i64 {
    loop {
        // SAFETY: the program asked for it; its buffers are not ours.
        let result = unsafe { interruptible::call(number, &args, call.thread.queued.as_ptr()) };
        if result != -EINTR || !was_preempted(call) {
            return result;
        }
        if scheduler::is_shared() && !call.thread.vfork_child {
            while_released(call, |_| 0);
        }
    }
}

/// Whether a descriptor is an eventfd; -errno when there is none.
fn is_counter(file: u32) -> Result<bool, i64> {
    const NAME: &[u8] = b"anon_inode:[eventfd]";
    let link = text!("/proc/self/fd/{file}\0");
    let mut name = [0u8; 32];
    // SAFETY: asks for flags; a NUL-terminated name and a buffer of ours.
    let length = unsafe {
        if hidden_descriptors::is_hidden(file.into())
            || syscall3(FCNTL, file.into(), F_GETFD, 0) < 0
        {
            return Err(-EBADF);
        }
        let (link, to) = (link.as_str().as_ptr() as u64, name.as_mut_ptr() as u64);
        syscall4(READLINKAT, AT_FDCWD as u64, link, to, name.len() as u64)
    };
    // Without /proc nobody can say.
    Ok(length < 0 || &name[..length as usize] == NAME)
}

/// Add to an eventfd.
fn tell(file: u32) {
    let one = 1u64;
    // SAFETY: eight bytes of ours.
    unsafe { syscall3(WRITE, file.into(), &raw const one as u64, 8) };
}

/// Carry out the request at an address.
pub fn perform(call: &mut Call<'_>, ring: &mut Ring, at: u64) -> Performed {
    let Some(request) = Request::read(at) else {
        return Performed::Refused(-EFAULT);
    };
    if let Err(error) = request.check() {
        return Performed::Refused(error);
    }
    // The kernel marks those it has taken.
    let key = at.wrapping_add(KEY_AT);
    if !guest::write(key, &[0; 4]) {
        return Performed::Refused(-EFAULT);
    }
    let change = if request.writes() {
        file_changes::before_writing(call, request.file as i32)
    } else {
        None
    };
    let result = request.carry_out(call);
    match result {
        NOT_BEGUN => return Performed::Interrupted,
        // What is not open for it, or cannot do it, is not taken.
        _ if [-EBADF, -numbers::EOPNOTSUPP].contains(&result) => return Performed::Refused(result),
        _ if result == -EISDIR => return Performed::Refused(-EINVAL),
        _ => {}
    }
    call.event.bytes(Tag::Write, key, &[0; 4]);
    request.log(call, change.as_ref(), result);
    ring.push([request.data, at, result as u64, 0], &mut call.event);
    if let Some(file) = request.tells {
        tell(file);
    }
    Performed::Done
}
