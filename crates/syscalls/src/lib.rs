//! What every Linux x86-64 system call does to a program: ONE declarative table, and the engine
//! that turns a row, the arguments and the result into the list of bytes the kernel wrote.
//!
//! Design constraints:
//! * `no_std`, no allocation, no system call, no `unsafe`: the recorder runs it inside the
//!   recorded process, the replayer, the documentation and the tests run the same code.
//! * The row says all of it: outputs, how the call waits, what becomes of mappings, descriptors,
//!   files and signals, which paths and nested pointers it has. Recorder and replayer execute it.
//!   A row that leaves something out or contradicts itself does not compile.
//! * The program's memory is reached only through [`Memory`], which may fail at any address.
//! * It may report more than the kernel wrote (the bytes are then what memory held anyway),
//!   never less. A call whose outputs are not known is refused by name.
//!
//! Life of one call: [`lookup`] → [`Before::capture`] (declines and refusals are decided here) →
//! the call itself → [`Before::outputs`].
#![no_std]
#![forbid(unsafe_code)]

mod access;
mod advice;
mod argument;
mod call;
mod capture;
mod class;
mod content;
mod emit;
mod facts;
mod fcntl;
mod format;
mod futex;
pub mod i386;
mod ioctl;
pub mod names;
mod output;
mod prctl;
mod reference;
mod refusal;
mod row_check;
#[cfg(test)]
mod row_check_tests;
mod table;
mod traits;
mod wait;

pub use access::{Field, Memory, Records, Sink};
pub use advice::{advice_effect, AdviceEffect};
pub use argument::{Argument, Kind};
pub use call::SystemCall;
pub use capture::{extents, Before, Extent, MOST_EXTENTS};
pub use class::{Class, Hole, MemoryAction, ProcessAction, SignalAction, SpecialAction};
pub use facts::Facts;
pub use fcntl::{fcntl, FcntlCommand, FcntlDescriptors};
pub use format::{format_call, format_result};
pub use futex::{futex_operation, FutexOperation, FutexOutput, FutexWait};
pub use ioctl::{ioctl, Ioctl, IoctlOutput};
pub use names::{errno_name, signal_name};
pub use output::{Count, Output, Rule, When};
pub use prctl::{prctl, PrctlOption};
pub use reference::write_reference;
pub use refusal::{Refusal, Subject};
pub use table::{all, lookup, may_exist, LIMIT};
pub use traits::{Content, Descriptors, Nested, Paths, Sends};
pub use wait::{ForAll, Readiness, Restart, SignalMask, TimeLimit, Wait};
