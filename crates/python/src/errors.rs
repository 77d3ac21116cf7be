//! Errors as Python sees them: a message for a person and a kind for programs.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::PyErr;
use reenact_files::Problem;
use reenact_store::StoreError;
use reenact_supervisor::{DetachError, SupervisorError};

create_exception!(
    reenact._native,
    RecordError,
    PyException,
    "Nothing was recorded. `args` are the message, its kind, such as \"command-not-found\", and \
     what to do about it, which may be empty."
);
create_exception!(
    reenact._native,
    TraceError,
    PyException,
    "A trace cannot be read. `args` are the message and its kind, such as \"newer-version\"."
);

create_exception!(
    reenact._native,
    FileError,
    PyException,
    "A file of a trace is not opened or written. `args` are the message, its kind, such as \
     \"not-regular\", and the number of the system's error or 0."
);

pub fn file_error(error: &reenact_files::FileError) -> PyErr {
    let number = match &error.problem {
        Problem::System(error) => error.raw_os_error().unwrap_or(0),
        _ => 0,
    };
    FileError::new_err((error.to_string(), error.kind(), number))
}

/// Of a trace that made its reader panic, which none is known to do.
pub fn damaged() -> PyErr {
    TraceError::new_err(("the trace is damaged", "damaged"))
}

pub fn record_error(error: &SupervisorError) -> PyErr {
    RecordError::new_err((error.to_string(), error.kind(), error.hint()))
}

pub fn detach_error(error: &DetachError) -> PyErr {
    RecordError::new_err((error.to_string(), "detach", error.hint()))
}

pub fn trace_error(error: &StoreError) -> PyErr {
    TraceError::new_err((error.to_string(), error.kind()))
}
