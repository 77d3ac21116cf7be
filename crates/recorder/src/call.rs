//! A system call of the program while the recorder performs it: what the handlers of calls are given,
//! and what they answer. It knows none of them.

use crate::log::Builder;
use crate::text::Text;
use crate::thread::Thread;

/// What became of a call.
pub enum Outcome {
    /// Performed (or answered by us); write the event and go on after it.
    Done(i64),
    /// The same, and the signal in the thread's `fault` is raised behind it.
    Raised(i64),
    /// A signal came first; it has to be delivered and the call performed afterwards.
    Interrupted,
    /// The event is written and the frame holds the registers to go on with.
    Finished,
}

/// A call in progress.
pub struct Call<'a> {
    pub thread: &'a mut Thread,
    pub number: u64,
    pub args: [u64; 6],
    /// The event under construction.
    pub event: Builder,
    /// An argument (index, value) that the kernel is given in place of the program's.
    pub substitute: Option<(usize, u64)>,
    /// A path of ours that it may name.
    pub path: Option<Text>,
}

impl<'a> Call<'a> {
    /// One that begins, with what the kernel is given as the program has it.
    #[inline(always)]
    pub fn new(thread: &'a mut Thread, number: u64, args: [u64; 6], event: Builder) -> Call<'a> {
        Call {
            thread,
            number,
            args,
            event,
            substitute: None,
            path: None,
        }
    }

    /// Let the kernel take this path, which ends with a NUL, for an argument. Whether there is one.
    pub fn substitute_path(&mut self, index: usize, path: Option<Text>) -> bool {
        let Some(path) = path else {
            return false;
        };
        let path = self.path.insert(path);
        self.substitute = Some((index, path.as_str().as_ptr() as u64));
        true
    }
}
