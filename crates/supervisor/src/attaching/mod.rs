//! Putting the recorder into a process that runs: its threads are held by ptrace meanwhile, and let go in the recorder.
//!
//! Design constraints:
//! * What keeps a process from being attached to is found before it is touched; after that, a failure undoes what was done.
//! * The program notices nothing but the time: a call that waits is made once more, its signals wait.

pub mod beginning;
mod error;
mod held;
mod image;
mod passing;
mod placing;
mod preparation;
pub mod restarting;
pub mod target;
pub mod telling;
pub mod tracee;

use std::fs::File;

pub use self::error::AttachError;
pub use self::preparation::attach;
pub use self::target::Target;
use crate::launch::HiddenNumbers;

/// What is put into the process.
pub struct Passed<'a> {
    pub recorder: &'a File,
    pub arena: &'a File,
    pub trace: &'a File,
    pub numbers: HiddenNumbers,
}
