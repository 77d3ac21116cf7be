//! Preemption requests that recorded processes cannot send: the one whose turn it is has another pid namespace, or a user
//! to whose processes the one that waits may send no signals. We are of the namespace and the user that it all began with.

use std::fs;
use std::sync::atomic::Ordering;

use reenact_trace::arena::{PREEMPTION, PREEMPT_NOW};
use reenact_trace::sharing::{slot_and_pid, Group, BEGUN};

use crate::arena_memory::{Arena, Life};

/// Send what is asked for, and say whether the process is stopped.
pub fn pass_on(arena: &Arena) {
    let group = arena.group();
    if group.asked.load(Ordering::Relaxed) == 0 {
        return;
    }
    let kinds = group.asked.swap(0, Ordering::AcqRel);
    // A process that leaves for an `execve` waits for us: afterwards the signal would kill it.
    group.preempting.fetch_add(1, Ordering::SeqCst);
    let holder = group.holder.load(Ordering::SeqCst);
    if holder & BEGUN != 0 {
        if let Some((slot, pid)) = slot_and_pid(holder) {
            send(arena, group, (slot, pid), kinds, holder);
        }
    }
    let less = |count: u32| count.checked_sub(1);
    // Not below none: whoever leaves has set it to none when it did not change for long.
    let order = Ordering::SeqCst;
    let _ = group.preempting.fetch_update(order, order, less);
}

fn send(arena: &Arena, group: &Group, (slot, pid): (usize, u32), kinds: u32, holder: u64) {
    let tid = group.holder_tid.load(Ordering::Relaxed);
    let (process, thread) = match arena.life(slot) {
        Life::GoesOn(here) if here != 0 && here != pid => match thread_here(here, tid) {
            Some(thread) => (here, thread),
            None => return,
        },
        _ => (pid, tid),
    };
    let was_stopped = is_stopped(process);
    let kind = if kinds & PREEMPT_NOW != 0 {
        PREEMPT_NOW
    } else {
        kinds
    };
    // siginfo_t: number, error, code; pid and uid; value.
    let mut told = [0u64; 16];
    told[0] = libc::SIGSYS as u64;
    told[1] = u64::from(libc::SI_QUEUE as u32);
    told[3] = PREEMPTION + u64::from(kind);
    // SAFETY: a siginfo_t of ours; recorders handle the signal.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            process,
            thread,
            libc::SIGSYS,
            told.as_ptr(),
        )
    };
    // Stopped all the time: the request is the first thing it sees when it is continued.
    if sent == 0 && kind == PREEMPT_NOW && was_stopped && is_stopped(process) {
        group.stopped.store(holder, Ordering::Release);
    }
}

/// The number here of a thread that knows itself by another one.
fn thread_here(process: u32, tid: u32) -> Option<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    threads.flatten().find_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let numbers = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))?;
        let innermost = numbers.split_whitespace().next_back()?;
        (innermost.parse() == Ok(tid)).then(|| entry.file_name().to_str()?.parse().ok())?
    })
}

fn is_stopped(process: u32) -> bool {
    let Ok(line) = fs::read(format!("/proc/{process}/stat")) else {
        return false;
    };
    // The name, in parentheses, can be anything.
    let name_end = line.iter().rposition(|&byte| byte == b')');
    let state = name_end.and_then(|end| line.get(end + 2));
    matches!(state, Some(b'T' | b't'))
}
