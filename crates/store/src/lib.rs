//! Reads recorded traces.
//!
//! Design constraints:
//! * Never panics on damaged input; a trace that was cut off by a crash, a kill or a full disk
//!   is readable up to its last whole chunk.
//! * Opening reads chunk headers only; content is decompressed when somebody asks for it.
//! * A trace that is still being recorded can be opened: it shows what is there now.

mod beginning;
mod clock;
mod error;
mod event_reader;
mod files;
pub mod kept_files;
mod log;
mod mapped_files;
mod process_table;
mod trace;

pub use clock::Clock;
pub use error::StoreError;
pub use event_reader::{EventReader, StoredEvent};
pub use files::StoredFile;
pub use log::Log;
pub use process_table::{Image, Process};
pub use trace::Trace;
