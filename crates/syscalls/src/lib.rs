//! What every Linux x86-64 system call does to a program: ONE declarative table, and the engine
//! that turns an entry, the arguments and the result into the list of bytes the kernel wrote.
//!
//! Design constraints:
//! * `no_std`, no allocation, no system call, no `unsafe`: the recorder runs it inside the
//!   recorded process, the documentation and the tests run the same code.
//! * The program's memory is reached only through [`Memory`], which may fail at any address.
//! * It may report more than the kernel wrote (the bytes are then what memory held anyway),
//!   never less. A call whose outputs are not known is refused by name.
//!
//! Life of one call: [`lookup`] → [`Before::capture`] (declines and refusals are decided here) →
//! the call itself → [`Before::outputs`].
#![no_std]
#![forbid(unsafe_code)]

mod call;
mod capture;
mod fcntl;
mod format;
mod ioctl;
pub mod names;
mod output;
mod prctl;
mod reference;
mod refusal;
mod table;

pub use call::{Argument, Class, Descriptors, Kind, Restart, SignalMask, SystemCall};
pub use capture::{Before, Memory, Sink};
pub use fcntl::{fcntl, FcntlCommand};
pub use format::{format_call, format_result};
pub use ioctl::{ioctl, Ioctl, IoctlOutput};
pub use names::{errno_name, signal_name};
pub use output::{Output, Rule, When};
pub use prctl::{prctl, PrctlOption};
pub use reference::write_reference;
pub use refusal::{Refusal, Subject};
pub use table::{all, lookup, LIMIT};
