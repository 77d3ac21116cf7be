//! Same-ISA x86-64 binary translator.
//!
//! Design constraints:
//! * `no_std + alloc`, no system call except setting the gs base once; no I/O.
//! * The guest is identity-mapped: its memory is at its own addresses and its
//!   registers are in the host's registers while translated code runs.
//! * Every instruction is counted; execution can stop at any exact count.
//! * The guest cannot tell: return addresses, code bytes, flags, segment
//!   bases, x87 instruction pointers and faults are those of a native run.
//!
//! # How it works
//!
//! Guest code is translated block by block ([`builder`], [`instruction`], [`branch`]); most instructions are
//! copied ([`plain`] knows the frequent ones by their bytes), operands relative to rip or gs are rewritten ([`rewrite`]). Direct jumps are patched to
//! go straight to the next block ([`engine`]); indirect ones go through a table indexed by 16 bits of the guest
//! address, whose entries check the whole address without touching the flags. Returns are paired with their
//! calls on the host, whose processor then predicts them ([`returns`]).
//!
//! Executed instructions are subtracted from a budget where ways come together ([`accounting`]); translated code
//! leaves when that is used up. Flags are preserved only if they are live there ([`flags`]). The last
//! instructions before a requested count run in blocks without accounting ([`run`]), so
//! that everything is exact at the stop.
//!
//! Code that is found to be hot is translated again along the path it takes ([`trace`]).
//!
//! A fault in translated code is looked up in per-instruction notes ([`store`]) to find the guest's state.
//! Pages with translated code are reported to the owner of the memory, who write-protects
//! them; a write there drops the translations and is then executed on its own.
//!
//! # Limits
//!
//! * Flags that code is about to overwrite may be wrong in the state of a fault (`Fault::dead_flags` says
//!   so), and after the guest has replaced the very instruction that overwrites them.
//! * What is not supported stops with its name: far branches but returns to the same segment, loads of segment
//!   registers, `sysenter`, x87 environments with 16-bit operand size, string instructions
//!   through gs. Where such an instruction faulted, only who knows that can go on.
//! * With the trap flag set, a gather whose second element faults is one fault; some processors trap behind the first element.
#![allow(rustdoc::private_intra_doc_links)]
#![no_std]

extern crate alloc;

mod access;
mod accounting;
pub mod boundaries;
mod branch;
mod build;
mod builder;
mod classify;
mod context;
mod emitter;
mod engine;
mod far;
mod far_return;
mod fault_redirection;
mod flags;
mod gate;
mod guest;
pub mod indirect;
mod instruction;
mod landing;
mod landing_check;
mod map;
mod masked_access;
mod plain;
mod program_flags;
mod returns;
mod rewrite;
mod run;
mod state_extent;
mod stop;
mod store;
mod string_access;
mod touched;
mod trace;
mod translator;
mod watch;
mod x87;

pub use access::Watch;
pub use context::{Context, FaultOutcome, VectorSaving};
pub use guest::{CodeCopy, CodeFault, CodeRange, GuestCode};
pub use landing::{Landing, Place};
pub use stop::{Fault, NonDeterministic, Stop, Unsupported};
pub use touched::Touched;
pub use translator::Translator;
