//! What the recorder and the replayer need in place of an operating system library.
//!
//! Both run inside an address space that belongs to somebody else's program: no libc, no
//! thread-local storage, nothing outside the reserved region.
#![no_std]

#[cfg(feature = "heap")]
pub mod heap;
#[cfg(feature = "program")]
pub mod memory;
pub mod numbers;
#[cfg(feature = "program")]
pub mod panic;
pub mod print;
pub mod syscall;
