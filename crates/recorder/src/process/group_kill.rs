//! A deadly signal to a whole group of processes, among which is the supervisor: to the program it is not there, and it
//! must not die before the last events are written. The signal goes to each of the others.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall0, syscall1, syscall2, syscall3, syscall4};

use super::recipient::{Recipient, Sent};
use crate::call::Call;
use crate::{arena, signal, text};

/// SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM: the supervisor has handlers for them.
const HANDLED: [u32; 6] = [1, 2, 3, 10, 12, 15];
/// The number of a thread in a futex word.
const TID: u32 = 0x3fff_ffff;
/// Processes that `kill(-1)` is for: all but the first one and the caller.
const ALL: i32 = -1;

/// If the supervisor would be hit, send the signal to the others here, and let the call be about the caller alone.
pub fn spare_supervisor(call: &mut Call<'_>, sent: &Sent) {
    let Recipient::Process(to @ ..=0) = sent.to else {
        return;
    };
    let is_deadly = sent.signal == signal::SIGKILL || signal::is_fatal_by_default(sent.signal);
    if HANDLED.contains(&sent.signal) || !is_deadly {
        return;
    }
    let supervisor = arena::header().supervisor.load(Ordering::Relaxed) & TID;
    // SAFETY: no effect.
    let (own, group) = unsafe {
        let own_group = syscall1(numbers::GETPGID, 0);
        let group = if to == 0 { own_group } else { -i64::from(to) };
        (syscall0(GETPID), group)
    };
    if supervisor == 0 || (to != ALL && group_of(supervisor.into()) != group) {
        return;
    }
    let is_meant = |pid: i64| {
        let is_in = if to == ALL {
            pid != 1
        } else {
            group_of(pid) == group
        };
        is_in && pid != own && !has_thread(pid, supervisor)
    };
    let is_sent = for_processes(|pid| {
        if is_meant(pid) {
            // SAFETY: the program asked for it.
            unsafe { syscall2(KILL, pid as u64, sent.signal.into()) };
        }
    });
    if !is_sent {
        return;
    }
    call.substitute = Some(if to == ALL {
        // Whether there are any: the caller is not among them.
        (1, 0)
    } else {
        (0, own as u64)
    });
}

fn group_of(pid: i64) -> i64 {
    // SAFETY: no effect.
    unsafe { syscall1(numbers::GETPGID, pid as u64) }
}

/// Whether a process has this thread.
fn has_thread(pid: i64, tid: u32) -> bool {
    let name = text!("/proc/{pid}/task/{tid}\0");
    let name = name.as_str().as_ptr() as u64;
    // SAFETY: a NUL-terminated name of ours.
    unsafe { syscall4(FACCESSAT2, AT_FDCWD as u64, name, 0, 0) == 0 }
}

/// Go through all processes that can be seen; false without `/proc`.
fn for_processes(mut each: impl FnMut(i64)) -> bool {
    /// `struct linux_dirent64`: size of the entry, and its name.
    const SIZE_AT: usize = 16;
    const NAME_AT: usize = 19;
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    // SAFETY: a name of ours.
    let directory = unsafe {
        let name = c"/proc".as_ptr() as u64;
        syscall4(OPENAT, AT_FDCWD as u64, name, flags, 0)
    };
    if directory < 0 {
        return false;
    }
    let mut is_procfs = false;
    loop {
        let mut entries = [0u8; 4096];
        let (at, room) = (entries.as_mut_ptr() as u64, entries.len() as u64);
        // SAFETY: a buffer of ours.
        let count = unsafe { syscall3(GETDENTS64, directory as u64, at, room) };
        if count <= 0 {
            break;
        }
        let mut rest = &entries[..count as usize];
        while rest.len() > NAME_AT {
            let size = usize::from(u16::from_le_bytes([rest[SIZE_AT], rest[SIZE_AT + 1]]));
            let Some(name) = rest.get(NAME_AT..size) else {
                break;
            };
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
            let pid = digits.fold(0, |pid, &digit| pid * 10 + i64::from(digit - b'0'));
            if pid > 0 {
                is_procfs = true;
                each(pid);
            }
            rest = &rest[size..];
        }
    }
    // SAFETY: our descriptor.
    unsafe { syscall1(CLOSE, directory as u64) };
    is_procfs
}
