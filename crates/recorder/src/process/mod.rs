//! Processes: fork, vfork, exec and the end.

mod binfmt_misc;
mod clone_flags;
mod ending;
mod exec;
mod fork;
pub mod killing;
mod robust;
pub mod threads;
mod vfork;

pub use ending::{announce_fatal_signal, bad_signal_frame};

use reenact_freestanding::numbers::*;

use crate::call::{Call, Outcome};

use clone_flags::*;

/// Perform a call of class Process. `None`: an ordinary call after all.
#[inline(never)]
pub fn perform(call: &mut Call<'_>) -> Option<Outcome> {
    Some(match call.number {
        FORK => fork::fork(call, [SIGCHLD, 0, 0, 0, 0]),
        VFORK => vfork::vfork(call, [CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0]),
        CLONE => {
            let [flags, stack, parent_tid, child_tid, tls, _] = call.args;
            let arguments = [flags, stack, parent_tid, child_tid, tls];
            match (flags & CLONE_VM != 0, flags & CLONE_VFORK != 0) {
                (false, _) => fork::fork(call, arguments),
                (true, true) => vfork::vfork(call, arguments),
                (true, false) if flags & CLONE_THREAD != 0 => threads::create(call, arguments),
                (true, false) => {
                    crate::message::once(
                        "clone: processes that share memory for longer than until their exec are not recorded; the program was told EAGAIN",
                    );
                    Outcome::Done(-EAGAIN)
                }
            }
        }
        // The C library falls back to clone.
        CLONE3 => Outcome::Done(-ENOSYS),
        EXECVE | EXECVEAT => exec::exec(call),
        EXIT | EXIT_GROUP => ending::exit(call),
        _ => return None,
    })
}
