//! Flags and choices of the commonest arguments, by family.

mod files;
mod memory;
mod process;
mod sockets;

pub(crate) use files::*;
pub(crate) use memory::*;
pub(crate) use process::*;
pub(crate) use sockets::*;
