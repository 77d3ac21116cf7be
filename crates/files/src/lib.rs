//! Opens and writes the files of a trace and of the cache.
//!
//! Design constraints:
//! * A trace may be somebody else's: no symbolic link, FIFO, device or directory in it is taken for
//!   a file, nothing is waited for, and no file is larger than its reader can bear.
//! * Names are looked up below one open directory, so that it stays the same one.
//! * What is written is private (0600, directories 0700) whatever the file mode mask, and whole or
//!   not there at all.

mod cache;
mod error;
mod identity;
mod private;
mod regular;
mod trace_files;

pub use cache::{cache_part, prune_to_newest, Limit};
pub use error::{FileError, Problem};
pub use identity::identity_of;
pub use private::{create_private, create_private_directory, make_private, replace_private};
pub use regular::open_regular;
pub use trace_files::TraceFiles;
