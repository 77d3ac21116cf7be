//! The generated page docs/system-calls.md.

mod commands;
mod row;

use core::fmt::{self, Write};

/// Write the reference of all calls, commands and requests as Markdown.
///
/// # Errors
/// Only those of `writer`.
pub fn write_reference(writer: &mut dyn Write) -> fmt::Result {
    writer.write_str(INTRODUCTION)?;
    row::calls(writer)?;
    commands::refusals(writer)?;
    commands::futex(writer)?;
    commands::fcntl(writer)?;
    commands::prctl(writer)?;
    commands::ioctl(writer)
}

const INTRODUCTION: &str = "\
# System calls

<!-- Generated from the table in crates/syscalls: do not edit.
     cargo run -p reenact-syscalls --example reference > docs/system-calls.md -->

Every system call of Linux 6.18 on x86-64 and how it is recorded. Numbers that Linux does not have
are answered with `ENOSYS`.

* **plain**: passed to the kernel; the result and what the kernel wrote are logged.
* **memory**, **process**, **signal**: the recorder keeps part of the state itself; what it does is named.
* **special**: passed to the kernel, or answered, and looked at by the recorder.
* **declined**: not performed; the program is told that the kernel does not have it, and goes on.
* **refused**: not supported; met by name.

The column *waits* tells how a call waits while other threads, or processes that share memory, run:
`directly` (the kernel writes nothing meanwhile), `until ready` (made when its descriptor is ready), `in scratch
memory` (what the kernel wrote there is copied afterwards), `with the turn` (nobody else runs, unless they ask). Behind it
stands what a signal does to it: `restarts` with `SA_RESTART`, `EINTR` whenever a handler ran, `continues` as `EINTR`
when a handler ran and otherwise with the remaining time, `always EINTR` even without a handler; nothing if it
cannot be interrupted.

";
