//! Writes traces by hand and runs the replayer on them.
//!
//! The replayer is a freestanding program of a workspace of its own, so its tests live here.

pub mod chunks;
pub mod damage;
pub mod events;
pub mod programs;
pub mod run;

pub use events::EventBuilder;
pub use run::{replay, Replay};
