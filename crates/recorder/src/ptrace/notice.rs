//! How a thread notices that it is traced, or is to stop: its tracer sends it a request, as for preemption, of which
//! the kernel keeps only one. So each of those signals looks at what the link says.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::*;
use reenact_freestanding::syscall::{syscall2, syscall3, syscall4};

use super::links;
use crate::signal::{
    preemption::{self, Kind},
    queue, timer,
};
use crate::text;
use crate::thread::{QueuedSignal, Thread};
use reenact_trace::ptrace::Link;

/// Ask the thread of a link to look at what it is asked for.
pub fn send(link: &Link) {
    let process = link.tracee_process.load(Ordering::Relaxed);
    let tracee = link.tracee.load(Ordering::Relaxed);
    preemption::request(process, tracee, Kind::Now);
}

/// In the signal's handler: whether there is something that the thread has to stop for.
pub fn look(thread: &mut Thread) -> bool {
    if !links::any() {
        return false;
    }
    if thread.link == 0 {
        let Some(index) = links::find(thread.tid) else {
            return false;
        };
        thread.link = index as u32 + 1;
    }
    let is_asked = links::of(thread).is_some_and(|link| link.asked.load(Ordering::Acquire) != 0);
    if is_asked {
        queue_stop(thread);
    }
    is_asked
}

/// The thread stops where it would take a signal next.
pub fn queue_stop(thread: &mut Thread) {
    // It stands for whatever the link asks for.
    let stop = QueuedSignal {
        number: SIGSTOP,
        reserved: 0,
        info: [0; 16],
    };
    queue::enqueue(thread, stop);
    timer::arm(thread);
}

/// Let the threads of a process look again whether they have tracees: they may wait in the kernel.
pub fn wake_waiting(process: u32) {
    const NAME_AT: usize = 19;
    const DIRECTORY: u64 = 0o200_000;
    let name = text!("/proc/{process}/task\0");
    let mut entries = [0u8; 4096];
    preemption::request(process, process, Kind::Now);
    // SAFETY: a name and a buffer of ours; a descriptor of ours, closed again.
    unsafe {
        let path = name.as_str().as_ptr() as u64;
        let flags = O_RDONLY | O_CLOEXEC | DIRECTORY;
        let directory = syscall4(OPENAT, AT_FDCWD as u64, path, flags, 0);
        if directory < 0 {
            return;
        }
        loop {
            let (at, size) = (entries.as_mut_ptr() as u64, entries.len() as u64);
            let count = syscall3(GETDENTS64, directory as u64, at, size);
            if count <= 0 {
                break;
            }
            let mut rest = &entries[..count as usize];
            while rest.len() > NAME_AT {
                let length = usize::from(u16::from_le_bytes([rest[16], rest[17]]));
                if length <= NAME_AT || length > rest.len() {
                    break;
                }
                let digits = rest[NAME_AT..length]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit());
                let tid = digits.fold(0, |tid: u32, &digit| {
                    tid.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'))
                });
                if tid != 0 && tid != process {
                    preemption::request(process, tid, Kind::Now);
                }
                rest = &rest[length..];
            }
        }
        syscall2(CLOSE, directory as u64, 0);
    }
}
