//! Snapshots of the running process (`crates/trace/src/snapshot.rs`), from which a replay can begin: a copy of the process,
//! made by fork behind an event, writes down what it finds and ends, while the program goes on.
//!
//! The copy has a slot of its own, into which it writes as into a log. It has none of the program's descriptors, no signal of
//! the program's reaches it, and the program cannot wait for it.

mod common;
pub mod copies;
pub mod copy;
mod own_pages;
pub mod registers;
mod state;
pub mod taking;
pub mod wishes;
