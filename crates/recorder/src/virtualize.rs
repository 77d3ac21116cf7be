//! Keeps the recorder's own descriptors and mappings out of the program's sight, and follows
//! which descriptors are the standard output and error the recording began with.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_syscalls::{Descriptors, Kind, SystemCall};
use reenact_trace::arena::descriptor;
use reenact_trace::event::flags;

use crate::call::{Call, Outcome};
use crate::{arena, cpuid, guest, hidden_descriptors, proc_files, shared, signal};

/// Answer a call in place of the kernel, where the kernel's answer would show us or harm us.
pub fn answer(call: &mut Call<'_>, entry: &SystemCall) -> Option<Outcome> {
    let mut paths = false;
    for (index, (_, kind)) in entry.arguments.iter().enumerate().take(6) {
        match kind {
            Kind::Fd | Kind::DirFd if hidden_descriptors::is_hidden(call.args[index]) => {
                return Some(Outcome::Done(-EBADF));
            }
            Kind::Path => paths = true,
            _ => {}
        }
    }
    if paths {
        if let Some(answer) = proc_files::answer(call, entry) {
            return Some(answer);
        }
    }
    if call.number == ARCH_PRCTL && call.args[0] == cpuid::ARCH_GET_CPUID && cpuid::faults() {
        // To the program, CPUID is an instruction like any other.
        return Some(Outcome::Done(1));
    }
    if call.number == CLOSE_RANGE {
        return Some(Outcome::Done(close_range(call.args)));
    }
    None
}

/// `close_range` around our descriptors.
#[inline(never)]
fn close_range(args: [u64; 6]) -> i64 {
    let header = arena::header();
    let (first, last, how) = (args[0] as u32, args[1] as u32, args[2]);
    let (low, high) = (header.tracking_fd as u32, header.recorder_fd as u32);
    let close = |from: u32, to: u32| {
        // SAFETY: a range without our descriptors.
        unsafe { syscall3(CLOSE_RANGE, u64::from(from), u64::from(to), how) }
    };
    const CLOEXEC: u64 = 4;
    if how & !0x6 == 0 && first <= last {
        for fd in first..=last.min(1023) {
            if how & CLOEXEC != 0 {
                mark(fd, |bits| bits | descriptor::CLOSE_ON_EXEC);
            } else {
                mark(fd, |_| 0);
            }
        }
    }
    if first > high || last < low || first > last {
        return close(first, last);
    }
    let mut result = 0;
    if first < low {
        result = close(first, low - 1);
    }
    if last > high && result >= 0 {
        result = close(high + 1, last);
    }
    result
}

fn bits(fd: u64) -> u8 {
    arena::slot()
        .exec
        .descriptors
        .get(fd as u32 as usize)
        .map_or(0, |bits| bits.load(Ordering::Relaxed))
}

fn mark(fd: u32, change: impl Fn(u8) -> u8) {
    if let Some(bits) = arena::slot().exec.descriptors.get(fd as usize) {
        let old = bits.load(Ordering::Relaxed);
        // Most descriptors are never anything special: do not dirty their memory.
        let new = if old == 0 {
            change(0) & !descriptor::CLOSE_ON_EXEC
        } else {
            change(old)
        };
        if new != old {
            bits.store(new, Ordering::Relaxed);
        }
    }
}

/// Follow descriptors after a call that makes, copies or closes some.
#[inline(never)]
pub fn track_descriptors(call: &mut Call<'_>, entry: &SystemCall, result: i64) {
    if result < 0 {
        return;
    }
    const F_DUPFD: u64 = 0;
    const F_SETFD: u64 = 2;
    const F_DUPFD_CLOEXEC: u64 = 1030;
    let stream = descriptor::STDOUT | descriptor::STDERR;
    let [first, second, third, ..] = call.args;
    match call.number {
        CLOSE => mark(first as u32, |_| 0),
        DUP | DUP2 | DUP3 => {
            let source = bits(first) & stream;
            let cloexec = call.number == DUP3 && third & O_CLOEXEC != 0;
            if call.number != DUP2 || first != second {
                mark(result as u32, |_| {
                    source
                        | if cloexec {
                            descriptor::CLOSE_ON_EXEC
                        } else {
                            0
                        }
                });
            }
        }
        FCNTL if second as u32 as u64 == F_DUPFD || second as u32 as u64 == F_DUPFD_CLOEXEC => {
            let source = bits(first) & stream;
            let cloexec = second as u32 as u64 == F_DUPFD_CLOEXEC;
            mark(result as u32, |_| {
                source
                    | if cloexec {
                        descriptor::CLOSE_ON_EXEC
                    } else {
                        0
                    }
            });
        }
        FCNTL if second as u32 as u64 == F_SETFD => mark(first as u32, |bits| {
            if third & 1 != 0 {
                bits | descriptor::CLOSE_ON_EXEC
            } else {
                bits & !descriptor::CLOSE_ON_EXEC
            }
        }),
        FCNTL => {}
        _ => match entry.descriptors {
            Descriptors::Result => mark(result as u32, |_| 0),
            Descriptors::Pair(index) => {
                if let Some(pair) = guest::read_u64(call.args[index as usize]) {
                    mark(pair as u32, |_| 0);
                    mark((pair >> 32) as u32, |_| 0);
                }
            }
            _ => {}
        },
    }
}

/// Forget descriptors that the `execve` just performed has closed.
pub fn after_exec() {
    hidden_descriptors::occupy_tracking();
    for bits in &arena::slot().exec.descriptors {
        if bits.load(Ordering::Relaxed) & descriptor::CLOSE_ON_EXEC != 0 {
            bits.store(0, Ordering::Relaxed);
        }
    }
}

/// What is left to do after a plain call: mark output, see shared mappings, hide our
/// descriptors from directory listings.
pub fn after(call: &mut Call<'_>, result: i64) {
    const PWRITEV2: u64 = 328;
    const FALLOCATE: u64 = 285;
    const SPLICE: u64 = 275;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    match call.number {
        ARCH_PRCTL if result == 0 && call.args[0] == ARCH_REQ_XCOMP_PERM => {
            signal::permit_extended_state(call.args[1]);
        }
        WRITE | WRITEV | PWRITE64 | PWRITEV | PWRITEV2 if result > 0 => {
            let bits = bits(call.args[0]);
            if bits & (descriptor::STDOUT | descriptor::STDERR) != 0 {
                call.event.header.flags |= if bits & descriptor::STDOUT != 0 {
                    flags::STDOUT
                } else {
                    flags::STDERR
                };
                call.event.sequence();
            }
            if shared::any() {
                shared::after_write(&mut call.event, call.args[0] as i32);
            }
        }
        FTRUNCATE | FALLOCATE if result == 0 && shared::any() => {
            shared::after_write(&mut call.event, call.args[0] as i32);
        }
        COPY_FILE_RANGE | SPLICE if result > 0 && shared::any() => {
            shared::after_write(&mut call.event, call.args[2] as i32);
        }
        SENDFILE if result > 0 && shared::any() => {
            shared::after_write(&mut call.event, call.args[0] as i32);
        }
        _ => {}
    }
}

/// Remove the entries of our descriptors from a listing of `/proc/…/fd`. Returns the new length.
#[inline(never)]
pub fn filter_listing(fd: u64, buffer: u64, length: i64) -> i64 {
    const FSTATFS: u64 = 138;
    const PROC_SUPER_MAGIC: u64 = 0x9fa0;
    let mut statfs = [0u64; 15];
    // SAFETY: struct statfs is 120 bytes.
    let known = unsafe { syscall2(FSTATFS, fd, statfs.as_mut_ptr() as u64) };
    if known < 0 || statfs[0] != PROC_SUPER_MAGIC {
        return length;
    }
    let header = arena::header();
    let mut at = 0u64;
    let mut end = length as u64;
    while at + 19 < end {
        let mut head = [0u8; 32];
        let available = (end - at).min(32) as usize;
        if !guest::read(buffer + at, &mut head[..available]) {
            break;
        }
        let size = u64::from(u16::from_le_bytes([head[16], head[17]]));
        if size == 0 || at + size > end {
            break;
        }
        let name = &head[19..available];
        let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let ends = name.get(digits) == Some(&0);
        let number = name[..digits]
            .iter()
            .fold(0i64, |number, &digit| number * 10 + i64::from(digit - b'0'));
        if digits > 0
            && ends
            && number >= i64::from(header.tracking_fd)
            && number <= i64::from(header.recorder_fd)
            && is_descriptor_directory(fd)
        {
            shift(buffer + at + size, buffer + at, end - at - size);
            end -= size;
            continue;
        }
        at += size;
    }
    end as i64
}

fn is_descriptor_directory(fd: u64) -> bool {
    let link = crate::text!("/proc/self/fd/{fd}\0");
    let mut path = [0u8; 64];
    // SAFETY: a NUL-terminated name and a buffer of ours.
    let length = unsafe {
        syscall4(
            READLINK,
            link.as_str().as_ptr() as u64,
            path.as_mut_ptr() as u64,
            64,
            0,
        )
    };
    let path = &path[..length.max(0) as usize];
    path.starts_with(b"/proc/") && (path.ends_with(b"/fd") || path.ends_with(b"/fdinfo"))
}

/// Move the program's bytes downwards.
fn shift(from: u64, to: u64, length: u64) {
    let mut done = 0;
    let mut piece = [0u8; 256];
    while done < length {
        let count = (length - done).min(256) as usize;
        if !guest::read(from + done, &mut piece[..count])
            || !guest::write(to + done, &piece[..count])
        {
            return;
        }
        done += count as u64;
    }
}
