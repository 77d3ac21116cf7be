//! What `/proc/PID/status` and `stat` of recorded processes say that the kernel does not know, as it is ours: handlers,
//! blocked signals, room for descriptors, and the filter by which calls come to us.

use core::mem::offset_of;

use reenact_trace::arena::{ExecRequest, Slot};
use reenact_trace::layout::SLOT_ADDRESS;

use crate::confinement::{are_calls_dispatched, Confinement, STRICT};
use crate::text;
use crate::text::Text;
use crate::thread::{self, Thread};
use crate::{filters, other_processes, signal};

/// The signals of a thread, and what of it the kernel does not know.
pub struct Status {
    blocked: u64,
    ignored: u64,
    caught: u64,
    descriptors: u32,
    filters: u32,
    no_new_privileges: bool,
}

/// What is so of a recorded thread, of this process or of another one.
pub fn of(tid: u32) -> Option<Status> {
    if !other_processes::is_recorded(tid) {
        return None;
    }
    let block = (0..thread::MOST as u32)
        .map(thread::address_of)
        .find(|at| {
            let number = other_processes::look_into(
                tid,
                (at + offset_of!(Thread, tid) as u64) as *const u64,
            );
            number.is_ok_and(|word| word as u32 == tid)
        })?;
    let word =
        |offset: usize| other_processes::look_into(tid, (block + offset as u64) as *const u64).ok();
    let table = word(offset_of!(Thread, actions))? as u32;
    let [caught, ignored] = signal::caught_and_ignored(tid, table)?;
    let confinement = offset_of!(Thread, confinement);
    let descriptors = offset_of!(Slot, exec) + offset_of!(ExecRequest, descriptor_table);
    let size = other_processes::look_into(tid, (SLOT_ADDRESS + descriptors as u64) as *const u64);
    Some(Status {
        blocked: word(offset_of!(Thread, mask))?,
        ignored,
        caught,
        descriptors: size.ok()? as u32,
        filters: word(confinement + offset_of!(Confinement, filters))? as u32,
        no_new_privileges: word(confinement + offset_of!(Confinement, no_new_privileges))? as u8
            != 0,
    })
}

/// What a line of `status` says of the thread without us; `None`: it is as the kernel has it.
pub fn line_without_us(status: &Status, line: &str) -> Option<Text> {
    let (name, said) = line.trim_end().split_once(":\t")?;
    let value = match name {
        "FDSize" => return Some(text!("{name}:\t{}\n", status.descriptors)),
        "SigBlk" => status.blocked,
        "SigIgn" => u64::from_str_radix(said, 16).ok()? | status.ignored,
        "SigCgt" => status.caught,
        _ if are_calls_dispatched() => return None,
        _ => return of_confinement(name, status),
    };
    Some(text!("{name}:\t{value:016x}\n"))
}

/// What is said of filters where one of ours brings the calls to us.
fn of_confinement(name: &str, status: &Status) -> Option<Text> {
    let (mode, count) = match status.filters {
        0 => (0, 0),
        STRICT => (1, 0),
        filters => (2, filters::count(filters)),
    };
    let value = match name {
        "NoNewPrivs" => status.no_new_privileges.into(),
        "Seccomp" => mode,
        "Seccomp_filters" => count,
        _ => return None,
    };
    Some(text!("{name}:\t{value}\n"))
}

/// Where in `stat` the thread's signals are, and what is said there without us: blocked, ignored and caught, of which that
/// file has the first 31 (fs/proc/array.c: do_task_stat).
pub fn signals_in_stat(status: &Status, content: &[u8]) -> Option<([usize; 2], Text)> {
    /// Fields between the name in parentheses and them.
    const BEFORE: usize = 29;
    const FIRST: u64 = 0x7fff_ffff;
    let name_end = content.iter().rposition(|&byte| byte == b')')?;
    let mut spaces = (name_end..content.len()).filter(|&at| content[at] == b' ');
    let start = spaces.nth(BEFORE)? + 1;
    let blocked_end = spaces.next()?;
    let ignored_end = spaces.next()?;
    let end = spaces.next()?;
    let said = core::str::from_utf8(&content[blocked_end + 1..ignored_end]).ok()?;
    let ignored = said.parse::<u64>().ok()? | status.ignored;
    let [blocked, ignored, caught] =
        [status.blocked, ignored, status.caught].map(|set| set & FIRST);
    Some(([start, end], text!("{blocked} {ignored} {caught}")))
}
