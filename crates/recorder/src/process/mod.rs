//! Processes: fork, vfork, exec and the end.

mod argument_lists;
mod binfmt_misc;
pub mod companion;
mod creation;
mod ending;
mod exec;
mod exec_target;
pub mod filter_calls;
mod filter_program;
pub mod filtered;
mod fork;
mod group_kill;
pub mod killing;
pub mod own_files;
mod program_file;
mod recipient;
pub mod remote;
mod robust;
pub mod threads;
mod vfork;

pub use ending::bad_signal_frame;

use reenact_freestanding::numbers::*;
use reenact_syscalls::{ProcessAction, SystemCall};

use creation::Creation;

use crate::call::{Call, Outcome};
use crate::ptrace;

/// Perform a call of class Process.
#[inline(never)]
pub fn perform(call: &mut Call<'_>, action: ProcessAction) -> Outcome {
    match action {
        ProcessAction::Fork => create(
            call,
            Creation::of_arguments([u64::from(SIGCHLD), 0, 0, 0, 0]),
        ),
        ProcessAction::Vfork => create(
            call,
            Creation::of_arguments([CLONE_VM | CLONE_VFORK | u64::from(SIGCHLD), 0, 0, 0, 0]),
        ),
        ProcessAction::Clone => {
            let [flags, stack, parent_tid, child_tid, tls, _] = call.args;
            let arguments = [flags, stack, parent_tid, child_tid, tls];
            create(call, Creation::of_arguments(arguments))
        }
        ProcessAction::CloneStructure => match Creation::of_structure(call.args[0], call.args[1]) {
            Ok(creation) => create(call, creation),
            Err(error) => Outcome::Done(error),
        },
        ProcessAction::Execute => exec::exec(call),
        ProcessAction::Exit | ProcessAction::ExitGroup => ending::exit(call),
    }
}

/// Make a process or thread.
fn create(call: &mut Call<'_>, creation: Creation) -> Outcome {
    let has = |flag| creation.flags & flag != 0;
    match (has(CLONE_VM), has(CLONE_VFORK)) {
        (false, _) => fork::fork(call, creation),
        (true, true) if !companion::is_for_awaited(call, &creation) => vfork::vfork(call, creation),
        _ if has(CLONE_THREAD) => threads::create(call, creation),
        _ => companion::create(call, creation),
    }
}

/// Whether the call stops a traced thread, which its recorder does for it.
#[inline(never)]
pub fn stops_tracee(call: &Call<'_>, entry: &SystemCall) -> bool {
    if !ptrace::links::any() {
        return false;
    }
    let Some(sent) = recipient::of(call, entry) else {
        return false;
    };
    if sent.signal != SIGSTOP {
        return false;
    }
    match sent.to {
        recipient::Recipient::Process(pid @ 1..) => {
            ptrace::signals::send_stop(pid as u32, false, sent.info)
        }
        recipient::Recipient::Process(_) => false,
        recipient::Recipient::Thread(tid) => {
            ptrace::signals::send_stop(tid as u32, true, sent.info)
        }
    }
}

/// The call is about to send a signal: say so in the log if that ends this process, and see whom it
/// kills.
#[inline(never)]
pub fn before_sending(call: &mut Call<'_>, entry: &SystemCall) -> Option<killing::Victim> {
    let sent = recipient::of(call, entry)?;
    ending::announce_fatal_signal(call, &sent);
    group_kill::spare_supervisor(call, &sent);
    killing::victim(&sent)
}
