//! Snapshots of the replayed process, behind events: taken while it is replayed, and begun with. What is in one is said in
//! `crates/trace/src/snapshot.rs`.

mod cuts;
mod records;
mod restoring;
mod saving;
mod taking;

pub use cuts::{cuts, Cut};
pub use restoring::turn;
pub use saving::{obstacle, state, Behind};
pub use taking::{begin, begin_log, Snapshots};
