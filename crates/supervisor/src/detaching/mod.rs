//! Leading a process out of a recording: its threads are held by ptrace where the program knows to be, what the recorder has
//! changed is undone, and nothing of it stays.
//!
//! Design constraints:
//! * Nothing is undone before every thread stands where it can be led out; until then all can be given back.
//! * The program notices nothing but the time: calls that wait go on, signals that wait come.

mod asking;
mod error;
mod inside;
mod leading;
mod leaving;
mod masks;

pub use self::asking::detach;
pub use self::error::DetachError;
use self::inside::Process;
use crate::attaching::Target;

/// Lead a process, which nobody records any more, out of the recorder.
///
/// # Errors
/// It goes on with the recorder in it, as before.
pub fn lead_out(pid: libc::pid_t) -> Result<(), DetachError> {
    let target = Target::new(pid).map_err(|_| DetachError::NoProcess { pid })?;
    let mut process = Process::hold(target)?;
    match process.lead() {
        Ok(()) => process.leave(),
        Err(error) => {
            process.give_back();
            Err(error)
        }
    }
}
