//! Errors as Python sees them: a message for a person and a kind for programs.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::PyErr;
use reenact_store::StoreError;
use reenact_supervisor::SupervisorError;

create_exception!(
    reenact._native,
    RecordError,
    PyException,
    "Nothing was recorded. `args` are the message and its kind, such as \"command-not-found\"."
);
create_exception!(
    reenact._native,
    TraceError,
    PyException,
    "A trace cannot be read. `args` are the message and its kind, such as \"newer-version\"."
);

pub fn record_error(error: &SupervisorError) -> PyErr {
    RecordError::new_err((error.to_string(), error.kind()))
}

pub fn trace_error(error: &StoreError) -> PyErr {
    TraceError::new_err((error.to_string(), error.kind()))
}
