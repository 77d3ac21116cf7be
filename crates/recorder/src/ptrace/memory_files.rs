//! `/proc/PID/mem`: a tracer reads and writes there what it has no request for. What it writes into a stopped tracee the
//! tracee writes itself, so that it is in its log; what a process writes into itself is logged with the call.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall3, syscall4, syscall6};
use reenact_trace::ptrace::{link_state, Link};
use reenact_trace::Tag;

use super::links;
use super::service::request;
use super::{asking, requests};
use crate::call::{Call, Outcome};
use crate::{guest, message, other_processes, patch, text};

/// What a call does with a file.
struct Access {
    writes: bool,
    /// Address of an array of buffers, and how many there are; or a buffer, and its length.
    memory: [u64; 2],
    has_vector: bool,
    /// Where in the file; `None`: where the descriptor stands, which moves.
    offset: Option<u64>,
}

impl Access {
    fn of(call: &Call<'_>) -> Option<Access> {
        let [_, first, second, offset, ..] = call.args;
        let (writes, has_vector, has_offset) = match call.number {
            READ => (false, false, false),
            READV => (false, true, false),
            WRITE => (true, false, false),
            WRITEV => (true, true, false),
            PREAD64 => (false, false, true),
            PREADV => (false, true, true),
            PREADV2 => (false, true, offset != u64::MAX),
            PWRITE64 => (true, false, true),
            PWRITEV => (true, true, true),
            PWRITEV2 => (true, true, offset != u64::MAX),
            _ => return None,
        };
        Some(Access {
            writes,
            memory: [first, second],
            has_vector,
            offset: has_offset.then_some(offset),
        })
    }

    /// The buffers, address and length, as far as they can be read.
    fn buffers(&self) -> impl Iterator<Item = [u64; 2]> + '_ {
        let [memory, count] = self.memory;
        let most = if self.has_vector {
            count.min(MOST_BUFFERS)
        } else {
            1
        };
        (0..most).map_while(move |index| {
            if !self.has_vector {
                return Some(self.memory);
            }
            let at = memory.wrapping_add(index * VECTOR);
            Some([guest::read_u64(at)?, guest::read_u64(at.wrapping_add(8))?])
        })
    }
}

/// The kernel refuses longer arrays of buffers (`UIO_MAXIOV`).
const MOST_BUFFERS: u64 = 1024;
/// `struct iovec`.
const VECTOR: u64 = 16;

/// A call on such a file; `None`: it is none, or the kernel's affair.
#[cold]
pub fn answer(call: &mut Call<'_>) -> Option<Outcome> {
    let access = Access::of(call)?;
    let file = call.args[0];
    let target = target(file)?;
    let address = access.offset.unwrap_or_else(|| seek(file, 0));
    if is_own(target) || requests::has_this_memory(target) {
        return access.writes.then(|| write_to_self(call, &access, address));
    }
    let Some(link) = stopped_tracee(target) else {
        if access.writes && other_processes::is_recorded(target) {
            message::once(
                "/proc/PID/mem: only a tracer can write to the memory of another recorded process, while that is stopped; the program was told EIO",
            );
            return Some(Outcome::Done(-EIO));
        }
        return None;
    };
    let result = transfer_all(call, link, &access, address);
    if result > 0 && access.offset.is_none() {
        seek(file, result as u64);
    }
    Some(Outcome::Done(result))
}

/// Read or write by the tracee, buffer by buffer: how many bytes, or an error.
fn transfer_all(call: &mut Call<'_>, link: &'static Link, access: &Access, address: u64) -> i64 {
    let mut done = 0;
    for buffer in access.buffers() {
        let at = address.wrapping_add(done as u64);
        let result = transfer(call, link, access.writes, buffer, at);
        if result < 0 {
            return if done > 0 { done } else { result };
        }
        done += result;
        if (result as u64) < buffer[1] {
            break;
        }
    }
    done
}

/// Move the place of a descriptor forwards; where it is then.
fn seek(file: u64, by: u64) -> u64 {
    const FROM_HERE: u64 = 1;
    // SAFETY: no effect but that.
    unsafe { syscall3(LSEEK, file, by, FROM_HERE) as u64 }
}

/// The process or thread whose memory a descriptor shows.
fn target(file: u64) -> Option<u32> {
    let name = text!("/proc/self/fd/{}\0", file as i32);
    let mut path = [0u8; 64];
    // SAFETY: a name and a buffer of ours.
    let length = unsafe {
        let (name, to) = (name.as_str().as_ptr() as u64, path.as_mut_ptr() as u64);
        syscall4(READLINKAT, AT_FDCWD as u64, name, to, path.len() as u64)
    };
    let path = path.get(..usize::try_from(length).ok()?)?;
    let path = path.strip_suffix(b"/mem")?;
    let digits = path.rsplit(|&byte| byte == b'/').next()?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits.iter().fold(0u32, |number, &digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u32::from(digit - b'0'))
        })
    })
}

/// Whether a thread is of this process.
fn is_own(tid: u32) -> bool {
    // SAFETY: asks whether there is such a thread.
    unsafe { syscall3(TGKILL, u64::from(links::own_process()), u64::from(tid), 0) == 0 }
}

/// A stopped thread that this process traces, of the process that a thread is of.
fn stopped_tracee(tid: u32) -> Option<&'static Link> {
    let is_stopped = |link: &&Link| link.state.load(Ordering::Acquire) == link_state::STOPPED;
    let mine = || links::traced_by(links::own_process()).map(|(_, link)| link);
    let exact = mine().find(|link| link.tracee.load(Ordering::Relaxed) == tid);
    let process = exact.map_or(tid, |link| link.tracee_process.load(Ordering::Relaxed));
    exact.filter(is_stopped).or_else(|| {
        mine()
            .filter(is_stopped)
            .find(|link| link.tracee_process.load(Ordering::Relaxed) == process)
    })
}

/// Read or write by the tracee, page by page: how many bytes, or an error.
fn transfer(
    call: &mut Call<'_>,
    link: &'static Link,
    writes: bool,
    [buffer, length]: [u64; 2],
    address: u64,
) -> i64 {
    let mut done = 0u64;
    while done < length {
        let at = address.wrapping_add(done);
        let piece = (length - done).min(PAGE - at % PAGE);
        let here = buffer.wrapping_add(done);
        let mut bytes = [0u8; PAGE as usize];
        let bytes = &mut bytes[..piece as usize];
        if writes && !guest::read(here, bytes) {
            return if done > 0 { done as i64 } else { -EFAULT };
        }
        let number = if writes {
            request::WRITE
        } else {
            request::READ
        };
        if asking::ask_about_memory(call, link, number, at, bytes) < 0 {
            return if done > 0 { done as i64 } else { -EIO };
        }
        if !writes {
            if !guest::write(here, bytes) {
                return -EFAULT;
            }
            call.event.bytes(Tag::Write, here, bytes);
        }
        done += piece;
    }
    done as i64
}

/// The process writes to its own memory, where it could not write otherwise, too.
fn write_to_self(call: &mut Call<'_>, access: &Access, address: u64) -> Outcome {
    let [a, b, c, d, e, f] = call.args;
    let length = access
        .buffers()
        .fold(0, |sum: u64, [_, length]| sum.saturating_add(length));
    patch::forget_written(&mut call.event, address, length);
    // SAFETY: the program asked for it.
    let result = unsafe { syscall6(call.number, a, b, c, d, e, f) };
    if result > 0 {
        call.event.guest_memory(address, result as u64);
    }
    Outcome::Done(result)
}
