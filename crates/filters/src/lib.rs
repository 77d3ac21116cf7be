//! Seccomp filters of a recorded program: which programs of classic BPF the kernel takes for one, what they
//! answer to a call, and which of several answers counts.
//!
//! The recorder makes a program's calls itself, so the kernel could not tell the program's from its own; it
//! asks here instead. Sources: kernel/seccomp.c, net/core/filter.c,
//! Documentation/userspace-api/seccomp_filter.rst.
//!
//! Design constraints:
//! * `no_std`, pure: programs and calls in, answers out. Nothing here performs anything.
//! * Every program that [`check`] accepts ends, within as many steps as it is long: jumps lead forward only.
#![no_std]

mod action;
mod cost;
mod instruction;
mod known_answer;
mod run;
mod validity;

pub use action::Action;
pub use cost::{converted_length, MOST_ON_A_PATH, PENALTY};
pub use instruction::{code, CallData, Instruction, MOST_INSTRUCTIONS};
pub use known_answer::always_allows;
pub use run::run;
pub use validity::{check, Invalid};
