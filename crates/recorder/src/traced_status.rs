//! `/proc/PID/status` and `stat` of recorded threads: the kernel knows neither of the tracer nor of the stops, which are ours,
//! and tracers look there for what state a thread is in; what it says of recorded processes is partly about us.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::syscall4;
use reenact_trace::ptrace::{link_state, Link};

use crate::ptrace::links;
use crate::stand_in::{self, write};
use crate::status_file::{self, Status};
use crate::text;

const ROOM: usize = 8192;

/// A file of procfs has been opened, of which the name ends so. Where it would say what is not the program's affair, or not
/// what is, its descriptor becomes one of a memory file with what the kernel would say without us.
pub fn opened(file: i64, name: &[u8]) {
    let Some(tid) = thread_of(file) else {
        return;
    };
    let link = links::find(tid).map(links::link);
    let is_status = name == b"status";
    let status = status_file::of(tid);
    if link.is_none() && status.is_none() {
        return;
    }
    let status = status.as_ref();
    let mut content = [0u8; ROOM];
    let length = stand_in::read(file, &mut content);
    if length == 0 {
        // It is open for something else than reading (O_PATH).
        return;
    }
    let content = &mut content[..length];
    stand_in::replace(file, c"status", |to| {
        if is_status {
            for line in content.split_inclusive(|&byte| byte == b'\n') {
                write_line(to, line, status, link);
            }
        } else {
            if let Some(link) = link {
                mark_state(content, link);
            }
            match status.and_then(|status| status_file::signals_in_stat(status, content)) {
                Some(([start, end], signals)) => {
                    write(to, &content[..start]);
                    write(to, signals.as_str().as_bytes());
                    write(to, &content[end..]);
                }
                None => write(to, content),
            }
        }
        true
    });
}

/// The thread, or the first one of the process, that a file of procfs is about.
pub fn thread_of(file: i64) -> Option<u32> {
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

/// One line of a file about a thread, which is recorded, or traced.
fn write_line(to: i64, line: &[u8], status: Option<&Status>, link: Option<&Link>) {
    if let Some(link) = link {
        if line.starts_with(b"State:\t") && is_stopped(link) {
            return write(to, b"State:\tt (tracing stop)\n");
        }
        if line.starts_with(b"TracerPid:\t") {
            let tracer = link.tracer_process.load(Ordering::Relaxed);
            return write(to, text!("TracerPid:\t{tracer}\n").as_str().as_bytes());
        }
    }
    let told = status
        .zip(core::str::from_utf8(line).ok())
        .and_then(|(status, line)| status_file::line_without_us(status, line));
    write(
        to,
        told.as_ref().map_or(line, |told| told.as_str().as_bytes()),
    );
}
