//! `/proc/PID/status` and `stat` of recorded threads: the kernel knows neither of the tracer nor of the stops, which are ours,
//! and tracers look there for what state a thread is in; what it says of the program's own process is partly about us.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};
use reenact_trace::ptrace::{link_state, Link};

use crate::ptrace::links;
use crate::{stand_in, status_file, text};

const ROOM: usize = 8192;

/// A file of procfs has been opened, of which the name ends so. Where it would say what is not the program's affair, or not
/// what is, its descriptor becomes one of a memory file with what the kernel would say without us.
pub fn opened(file: i64, name: &[u8]) {
    let Some(tid) = thread_of(file) else {
        return;
    };
    let link = links::find(tid).map(links::link);
    let is_status = name == b"status";
    let own = (is_status && is_own(tid)).then_some(tid);
    if link.is_none() && own.is_none() {
        return;
    }
    let mut content = [0u8; ROOM];
    let mut length = 0;
    // SAFETY: system calls on descriptors and buffers of ours.
    unsafe {
        while length < ROOM {
            let rest = &mut content[length..];
            let (to, room) = (rest.as_mut_ptr() as u64, rest.len() as u64);
            match syscall3(READ, file as u64, to, room) {
                count @ 1.. => length += count as usize,
                _ => break,
            }
        }
        if length == 0 {
            // It is open for something else than reading (O_PATH).
            return;
        }
        let to = syscall2(MEMFD_CREATE, c"status".as_ptr() as u64, MFD_CLOEXEC);
        if to < 0 {
            syscall3(LSEEK, file as u64, 0, 0);
            return;
        }
        let content = &mut content[..length];
        if is_status {
            for line in content.split_inclusive(|&byte| byte == b'\n') {
                write_line(to, line, own, link);
            }
        } else {
            if let Some(link) = link {
                mark_state(content, link);
            }
            write(to, content);
        }
        stand_in::put(file as u64, to as u64);
        syscall2(CLOSE, to as u64, 0);
    }
}

/// The thread, or the first one of the process, that a file of procfs is about.
fn thread_of(file: i64) -> Option<u32> {
    let name = text!("/proc/self/fd/{file}\0");
    let mut path = [0u8; 128];
    // SAFETY: a name and a buffer of ours.
    let length = unsafe {
        let (name, to) = (name.as_str().as_ptr() as u64, path.as_mut_ptr() as u64);
        syscall4(READLINKAT, AT_FDCWD as u64, name, to, path.len() as u64)
    };
    let path = path.get(..usize::try_from(length).ok()?)?;
    let directory = path.rsplit(|&byte| byte == b'/').nth(1)?;
    core::str::from_utf8(directory).ok()?.parse().ok()
}

/// Whether a thread is of this process.
fn is_own(tid: u32) -> bool {
    // SAFETY: asks whether there is such a thread.
    unsafe { syscall3(TGKILL, u64::from(links::own_process()), u64::from(tid), 0) == 0 }
}

fn is_stopped(link: &Link) -> bool {
    link.state.load(Ordering::Acquire) == link_state::STOPPED
}

/// The state is behind the program's name, which may have parentheses of its own.
fn mark_state(content: &mut [u8], link: &Link) {
    const BEHIND: usize = 2;
    let end = content.iter().rposition(|&byte| byte == b')');
    let state = end.and_then(|end| content.get_mut(end + BEHIND));
    if let Some(state @ (b'S' | b'R' | b'D')) = state {
        if is_stopped(link) {
            *state = b't';
        }
    }
}

/// One line of a file about a thread, which is the program's own one, or traced.
fn write_line(to: i64, line: &[u8], own: Option<u32>, link: Option<&Link>) {
    if let Some(link) = link {
        if line.starts_with(b"State:\t") && is_stopped(link) {
            return write(to, b"State:\tt (tracing stop)\n");
        }
        if line.starts_with(b"TracerPid:\t") {
            let tracer = link.tracer_process.load(Ordering::Relaxed);
            return write(to, text!("TracerPid:\t{tracer}\n").as_str().as_bytes());
        }
    }
    let told = own
        .zip(core::str::from_utf8(line).ok())
        .and_then(|(tid, line)| status_file::line_without_us(tid, line));
    write(
        to,
        told.as_ref().map_or(line, |told| told.as_str().as_bytes()),
    );
}

fn write(to: i64, bytes: &[u8]) {
    // SAFETY: bytes of ours.
    unsafe { syscall3(WRITE, to as u64, bytes.as_ptr() as u64, bytes.len() as u64) };
}
