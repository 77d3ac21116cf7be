//! Names of numbers, for printing.

mod errno;
pub(crate) mod flags;
mod signal;

pub use errno::errno_name;
pub use signal::signal_name;

/// Name and bits of a flag.
pub type Flag = (&'static str, u64);

/// Name and value of one of several choices.
pub type Choice = (&'static str, u64);
