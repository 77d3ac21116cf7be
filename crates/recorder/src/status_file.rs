//! `/proc/self/status` says what the kernel knows of the process, of which some is ours: handlers, blocked signals, room for
//! descriptors, and the filter by which calls come to us.

use crate::confinement::{are_calls_dispatched, Confinement, STRICT};
use crate::signal;
use crate::text;
use crate::text::Text;
use crate::thread::{self, Thread};
use crate::{descriptor_table, filters};

/// What a line of the file of a thread of this process says without us; `None`: it is as the kernel has it.
pub fn line_without_us(tid: u32, line: &str) -> Option<Text> {
    let thread = thread::current();
    let (name, said) = line.trim_end().split_once(":\t")?;
    let value = match name {
        "FDSize" => return Some(text!("{name}:\t{}\n", descriptor_table::size())),
        "SigBlk" if thread.tid == tid => thread.mask,
        "SigIgn" => u64::from_str_radix(said, 16).ok()? | signal::caught_and_ignored()[1],
        "SigCgt" => signal::caught_and_ignored()[0],
        _ if are_calls_dispatched() => return None,
        _ => return of_confinement(name, thread),
    };
    Some(text!("{name}:\t{value:016x}\n"))
}

/// What is said of filters where one of ours brings the calls to us.
fn of_confinement(name: &str, thread: &Thread) -> Option<Text> {
    let Confinement {
        filters,
        no_new_privileges,
    } = thread.confinement;
    let (mode, count) = match filters {
        0 => (0, 0),
        STRICT => (1, 0),
        _ => (2, filters::count(filters)),
    };
    let value = match name {
        "NoNewPrivs" => no_new_privileges.into(),
        "Seccomp" => mode,
        "Seccomp_filters" => count,
        _ => return None,
    };
    Some(text!("{name}:\t{value}\n"))
}
