//! `wait4` and `waitid` of a process that has tracees: what they tell comes from the links and from the kernel.

use core::sync::atomic::Ordering;

use reenact_freestanding::numbers::{self, *};
use reenact_freestanding::syscall::{syscall2, syscall6};
use reenact_trace::ptrace::{link_state, Link};
use reenact_trace::Tag;

use super::{asking, disturbed, links};
use crate::call::{Call, Outcome};
use crate::guest;
use crate::released::while_released;
use crate::{scheduler, signal};

const NO_HANG: u64 = 1;
const EXITED: u64 = 4;
const NO_REAP: u64 = 0x0100_0000;
/// `struct rusage`.
const USAGE: usize = 144;
/// The part of `siginfo_t` that `waitid` fills.
const INFO: usize = 28;
/// How long it sleeps before it asks the kernel again.
const LOOK_NS: u64 = 2_000_000;

/// Kinds of `waitid`.
const ALL: u64 = 0;
const PROCESS: u64 = 1;
const GROUP: u64 = 2;
const DESCRIPTOR: u64 = 3;

/// Whom a call waits for.
#[derive(Clone, Copy)]
enum Whom {
    Anybody,
    One(u32),
    Group(u32),
}

/// A wait call, as `waitid` says it.
struct Wait {
    whom: Whom,
    which: u64,
    id: u64,
    options: u64,
}

impl Wait {
    fn of(call: &Call<'_>) -> Option<Wait> {
        let [first, second, third, fourth, ..] = call.args;
        if call.number == WAIT4 {
            let pid = first as i32;
            let (which, id) = match pid {
                -1 => (ALL, 0),
                0 => (GROUP, 0),
                1.. => (PROCESS, pid as u64),
                _ => (GROUP, u64::from(pid.unsigned_abs())),
            };
            return Some(Wait {
                whom: whom(which, id),
                which,
                id,
                options: third | EXITED,
            });
        }
        // A process descriptor the kernel knows better.
        (first != DESCRIPTOR).then(|| Wait {
            whom: whom(first, second),
            which: first,
            id: second,
            options: fourth,
        })
    }

    fn is_for(&self, link: &Link) -> bool {
        let tid = link.tracee.load(Ordering::Relaxed);
        match self.whom {
            Whom::Anybody => true,
            Whom::One(pid) => pid == tid,
            Whom::Group(group) => group_of(u64::from(tid)) == i64::from(group),
        }
    }

    /// The first tracee that has something to tell.
    fn find(&self, tracer: u32) -> Option<(usize, &'static Link)> {
        links::traced_by(tracer).find(|(_, link)| has_news(link) && self.is_for(link))
    }

    fn has_tracee(&self, tracer: u32) -> bool {
        links::traced_by(tracer).any(|(_, link)| self.is_for(link))
    }

    /// Ask the kernel, without waiting: its result, and what it tells.
    fn ask_kernel(&self, options: u64, told: &mut Told) -> i64 {
        // SAFETY: structures of ours.
        unsafe {
            syscall6(
                WAITID,
                self.which,
                self.id,
                told.info.as_mut_ptr() as u64,
                self.options | options | NO_HANG,
                told.usage.as_mut_ptr() as u64,
                0,
            )
        }
    }
}

fn has_news(link: &Link) -> bool {
    link.status.load(Ordering::Acquire) != 0
        || link.state.load(Ordering::Acquire) == link_state::ENDED
}

fn group_of(pid: u64) -> i64 {
    // SAFETY: no effect.
    unsafe { syscall2(GETPGID, pid, 0) }
}

fn whom(which: u64, id: u64) -> Whom {
    match which {
        PROCESS => Whom::One(id as u32),
        GROUP if id == 0 => Whom::Group(group_of(0) as u32),
        GROUP => Whom::Group(id as u32),
        _ => Whom::Anybody,
    }
}

/// What is told of a child.
struct Told {
    info: [u64; 16],
    usage: [u8; USAGE],
}

impl Told {
    const fn new() -> Told {
        Told {
            info: [0; 16],
            usage: [0; USAGE],
        }
    }

    fn pid(&self) -> u32 {
        self.info[2] as u32
    }

    /// As `wait4` tells it.
    fn status(&self) -> u32 {
        const EXITED: u64 = 1;
        const DUMPED: u64 = 3;
        const STOPPED: u64 = 5;
        const CONTINUED: u64 = 6;
        let (code, status) = (self.info[1] & 0xffff_ffff, self.info[3] as u32);
        match code {
            EXITED => (status & 0xff) << 8,
            DUMPED => status | 0x80,
            STOPPED => status << 8 | 0x7f,
            CONTINUED => 0xffff,
            _ => status,
        }
    }

    fn has_ended(&self) -> bool {
        matches!(self.info[1] & 0xffff_ffff, 1..=3)
    }

    /// Of a tracee, by the status it left.
    fn of_tracee(tid: u32, status: u32) -> Told {
        const TRAPPED: u64 = 4;
        let (code, value) = match status & 0xff {
            0x7f => (TRAPPED, status >> 8),
            0 => (1, status >> 8 & 0xff),
            signal if signal & 0x80 != 0 => (3, signal & 0x7f),
            signal => (2, signal),
        };
        let mut told = Told::new();
        // SAFETY: no effect.
        let user = unsafe { reenact_freestanding::syscall::syscall0(numbers::GETUID) } as u64;
        told.info[0] = u64::from(SIGCHLD);
        told.info[1] = code;
        told.info[2] = u64::from(tid) | user << 32;
        told.info[3] = u64::from(value);
        told
    }
}

/// A wait call. `None`: this process has no tracees that it can be about, and the kernel performs it.
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    if !links::any() {
        return None;
    }
    let tracer = links::own_process();
    links::traced_by(tracer).next()?;
    let wait = Wait::of(call)?;
    loop {
        let news = links::news();
        if let Some((index, link)) = wait.find(tracer) {
            return Some(tell_tracee(call, &wait, index, link));
        }
        bury(tracer);
        let mut told = Told::new();
        let result = wait.ask_kernel(0, &mut told);
        if result == 0 && told.pid() != 0 {
            forget_ended(tracer, &told, &wait);
            return Some(tell(call, &told));
        }
        let has_tracee = wait.has_tracee(tracer);
        if result < 0 && !(result == -ECHILD && has_tracee) {
            return Some(Outcome::Done(result));
        }
        if wait.options & NO_HANG != 0 {
            return Some(tell_nothing(call));
        }
        if signal::queued(call.thread) && !disturbed::is_only_ours(call.thread) {
            let again = call.thread.link != 0 || signal::restarts_after_queued(call.thread);
            return Some(if again {
                Outcome::Interrupted
            } else {
                Outcome::Done(-EINTR)
            });
        }
        await_something(call, &wait, tracer, news);
    }
}

/// The kernel has performed a wait call, and may have told of the end of a tracee that became one while the call waited.
pub fn performed(call: &Call<'_>, outcome: &Outcome) {
    let Outcome::Done(result) = *outcome else {
        return;
    };
    if result < 0 || !links::any() {
        return;
    }
    let pid = if call.number == WAIT4 {
        Some(result as u32)
    } else {
        const PID_AT: u64 = 12;
        let mut pid = [0; 4];
        let is_told = call.args[2] != 0 && guest::read(call.args[2] + PID_AT, &mut pid);
        is_told.then(|| u32::from_le_bytes(pid))
    };
    let is_it = |link: &Link| Some(link.tracee.load(Ordering::Relaxed)) == pid;
    let tracee = links::traced_by(links::own_process()).find(|(_, link)| is_it(link));
    if let Some((index, link)) = tracee {
        if !asking::exists(link) {
            links::free(index);
        }
    }
}

/// Sleep until there is something to tell, or a signal comes.
fn await_something(call: &mut Call<'_>, wait: &Wait, tracer: u32, news: u32) {
    let sleep = |call: &Call<'_>| {
        let mut news = news;
        loop {
            links::await_news(news, LOOK_NS);
            news = links::news();
            let mut told = Told::new();
            let of_kernel = wait.ask_kernel(NO_REAP, &mut told);
            let is_over = wait.find(tracer).is_some()
                || told.pid() != 0
                || of_kernel < 0 && !(of_kernel == -ECHILD && wait.has_tracee(tracer))
                || signal::queued(call.thread)
                || has_buried(tracer);
            if is_over {
                return 0;
            }
        }
    };
    if scheduler::is_shared() && !call.thread.vfork_child {
        while_released(call, sleep);
    } else {
        sleep(call);
    }
}

/// Tracees that were killed, and of which the kernel does not tell this process.
fn has_buried(tracer: u32) -> bool {
    links::traced_by(tracer).any(|(_, link)| is_lost(link))
}

fn is_lost(link: &Link) -> bool {
    link.state.load(Ordering::Acquire) != link_state::ENDED
        && link.executes.load(Ordering::Acquire) == 0
        && !is_child(link)
        && !asking::exists(link)
}

fn bury(tracer: u32) {
    for (_, link) in links::traced_by(tracer) {
        if is_lost(link) {
            link.state.store(link_state::ENDED, Ordering::Relaxed);
            link.status.store(SIGKILL, Ordering::Release);
        }
    }
}

/// Whether the kernel tells this process of the end of a thread.
fn is_child(link: &Link) -> bool {
    let tid = link.tracee.load(Ordering::Relaxed);
    let mut told = Told::new();
    let wait = Wait {
        whom: Whom::One(tid),
        which: PROCESS,
        id: u64::from(tid),
        options: EXITED | numbers::__WALL,
    };
    wait.ask_kernel(NO_REAP, &mut told) == 0
}

/// A tracee has ended, and the kernel has told.
fn forget_ended(tracer: u32, told: &Told, wait: &Wait) {
    if !told.has_ended() || wait.options & NO_REAP != 0 {
        return;
    }
    let of_it = links::traced_by(tracer)
        .find(|(_, link)| link.tracee.load(Ordering::Relaxed) == told.pid());
    if let Some((index, _)) = of_it {
        links::free(index);
    }
}

fn tell_tracee(call: &mut Call<'_>, wait: &Wait, index: usize, link: &Link) -> Outcome {
    let tid = link.tracee.load(Ordering::Relaxed);
    let told = Told::of_tracee(tid, link.status.load(Ordering::Relaxed));
    let status = link.status.load(Ordering::Relaxed);
    if wait.options & NO_REAP == 0 {
        link.status.store(0, Ordering::Relaxed);
        if link.state.load(Ordering::Relaxed) == link_state::ENDED {
            links::free(index);
        }
    }
    write_out(call, &told, status)
}

fn tell(call: &mut Call<'_>, told: &Told) -> Outcome {
    write_out(call, told, told.status())
}

fn tell_nothing(call: &mut Call<'_>) -> Outcome {
    if call.number != WAIT4 && call.args[2] != 0 {
        give(call, call.args[2], &[0; INFO]);
    }
    Outcome::Done(0)
}

/// Tell the program; what the call returns.
fn write_out(call: &mut Call<'_>, told: &Told, status: u32) -> Outcome {
    let [_, second, third, fourth, fifth, _] = call.args;
    let is_wait4 = call.number == WAIT4;
    let usage = if is_wait4 { fourth } else { fifth };
    let is_told = if is_wait4 {
        second == 0 || give(call, second, &status.to_le_bytes())
    } else {
        let bytes = told.info.map(u64::to_le_bytes);
        third == 0 || give(call, third, &bytes.as_flattened()[..INFO])
    };
    let is_used = usage == 0 || give(call, usage, &told.usage);
    if !(is_told && is_used) {
        return Outcome::Done(-EFAULT);
    }
    Outcome::Done(if is_wait4 { i64::from(told.pid()) } else { 0 })
}

fn give(call: &mut Call<'_>, address: u64, bytes: &[u8]) -> bool {
    let is_written = guest::write(address, bytes);
    if is_written {
        call.event.bytes(Tag::Write, address, bytes);
    }
    is_written
}
