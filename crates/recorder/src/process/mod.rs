//! Processes: fork, vfork, exec and the end.

mod argument_lists;
mod binfmt_misc;
mod ending;
mod exec;
mod exec_target;
mod fork;
pub mod killing;
mod program_file;
mod recipient;
pub mod remote;
mod robust;
pub mod threads;
mod vfork;

pub use ending::bad_signal_frame;

use reenact_freestanding::numbers::*;
use reenact_syscalls::{ProcessAction, SystemCall};

use crate::call::{Call, Outcome};

/// Perform a call of class Process.
#[inline(never)]
pub fn perform(call: &mut Call<'_>, action: ProcessAction) -> Outcome {
    match action {
        ProcessAction::Fork => fork::fork(call, [u64::from(SIGCHLD), 0, 0, 0, 0]),
        ProcessAction::Vfork => vfork::vfork(
            call,
            [CLONE_VM | CLONE_VFORK | u64::from(SIGCHLD), 0, 0, 0, 0],
        ),
        ProcessAction::Clone => {
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
        ProcessAction::CloneStructure => Outcome::Done(-ENOSYS),
        ProcessAction::Execute => exec::exec(call),
        ProcessAction::Exit | ProcessAction::ExitGroup => ending::exit(call),
    }
}

/// The call is about to send a signal: say so in the log if that ends this process, and see whom it
/// kills.
#[inline(never)]
pub fn before_sending(call: &mut Call<'_>, entry: &SystemCall) -> Option<killing::Victim> {
    let sent = recipient::of(call, entry)?;
    ending::announce_fatal_signal(call, &sent);
    killing::victim(&sent)
}
