//! The module `reenact._native`: thin bindings, no logic.
//!
//! Nothing here decides anything: recording is `reenact-supervisor`, reading is `reenact-store`,
//! debug information is `reenact-symbols`.

mod errors;
mod event;
mod files;
mod frames;
mod panics;
mod process;
mod recording;
mod symbols;
mod text;
mod trace;

/// The native part (crates/python): recording, and reading traces. Private; see `reenact.trace`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::errors::{FileError, RecordError, TraceError};
    #[pymodule_export]
    use crate::event::{Event, EventIterator};
    #[pymodule_export]
    use crate::files::TraceFiles;
    #[pymodule_export]
    use crate::frames::{compress_frame, decompress_frame};
    #[pymodule_export]
    use crate::process::{Image, Process, StoredFile};
    #[pymodule_export]
    use crate::recording::{attach, detach, forget_unused_copies, record, RecordOutcome};
    #[pymodule_export]
    use crate::symbols::{soname, source_files, Module, SymbolError, Type};
    #[pymodule_export]
    use crate::text::{
        call_name, checksum, content_ranges, content_target, descriptors_of_call, filled_buffers,
        path_arguments,
    };
    #[pymodule_export]
    use crate::trace::{check_kept_files, Trace};
}
