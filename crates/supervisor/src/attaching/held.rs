//! Threads of a process that are stopped, all of them at once.

use std::io;

use libc::{pid_t, user_regs_struct};

use super::error::AttachError;
use super::target::Target;
use super::tracee::Tracee;

/// A thread, and how it was.
pub struct Held {
    pub tracee: Tracee,
    /// Its registers.
    pub before: user_regs_struct,
    pub mask: u64,
    /// The end of the recorder's stack for it.
    pub stack: u64,
}

/// Seize and stop all threads, those too that are made meanwhile.
pub fn hold_all(pid: pid_t, target: &Target) -> Result<Vec<Held>, AttachError> {
    let mut held: Vec<Held> = Vec::new();
    loop {
        let threads = target.threads().unwrap_or_default();
        let new: Vec<pid_t> = threads
            .into_iter()
            .filter(|tid| held.iter().all(|one| one.tracee.tid != *tid))
            .collect();
        if new.is_empty() {
            break;
        }
        for tid in new {
            match hold(tid) {
                Ok(one) => held.push(one),
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) && tid != pid => {}
                Err(_) if tid != pid && target.has_ended(tid) => {}
                Err(error) => {
                    for one in &held {
                        drop(one.tracee.detach());
                    }
                    return Err(match error.raw_os_error() {
                        Some(libc::ETIMEDOUT) => AttachError::DoesNotStop { pid },
                        Some(libc::EPERM) => AttachError::NotPermitted { pid, error },
                        Some(libc::ESRCH) => AttachError::NoProcess { pid },
                        _ => AttachError::Failed {
                            pid,
                            what: "it could not be stopped",
                            error,
                        },
                    });
                }
            }
        }
    }
    Ok(held)
}

fn hold(tid: pid_t) -> io::Result<Held> {
    let tracee = Tracee::seize(tid)?;
    let before = tracee.registers()?;
    let mask = tracee.signal_mask()?;
    Ok(Held {
        tracee,
        before,
        mask,
        stack: 0,
    })
}
