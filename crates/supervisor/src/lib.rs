//! Starts a recording and writes its trace directory.
//!
//! Design constraints:
//! * The recorded processes never wait for the disk unless their ring is full: this side only
//!   copies published bytes out of shared memory, compresses and appends them.
//! * What has been published is never lost, however a process ends; what has been appended
//!   is readable, however the supervisor ends.
//! * 500 short processes a second must not be noticed: no descriptor, no system call is spent
//!   on a process that starts and ends within a few milliseconds.
//! * Usable inside a process with threads (Python): nothing is allocated between fork and exec.

mod arena_memory;
mod arena_start;
mod attaching;
mod changed_files;
mod chunk_maker;
mod cuts;
mod deadline;
mod detaching;
mod drain;
mod error;
mod file_cache;
mod file_sizes;
mod file_table;
mod forwarding;
mod futex;
mod interrupts;
mod launch;
mod life_line;
mod log_file;
mod machine;
mod machine_cache;
mod manifest;
mod options;
mod outcome;
mod preemption;
mod process_watch;
mod program;
mod reason;
mod record;
mod requests;
mod ring;
mod ring_server;
mod root;
mod sink;
mod site_cache;
mod supervision;
mod trace_directory;
mod tracked;

pub use arena_memory::Arena;
pub use attaching::AttachError;
pub use chunk_maker::Batch;
pub use detaching::{detach, DetachError};
pub use drain::{Control, Drain, DrainReport, DrainSettings};
pub use error::SupervisorError;
pub use file_cache::FileCache;
pub use file_table::FileTask;
pub use log_file::LogFile;
pub use options::{Mechanism, RecordOptions, RingOptions, SaveOn};
pub use outcome::{Ending, Outcome};
pub use program::{resolve, Program};
pub use record::{attach, record};
pub use ring::Ring;
pub use sink::Sink;
