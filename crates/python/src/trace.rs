//! `Trace`.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use reenact_store::EventReader;

use crate::errors::trace_error;
use crate::event::EventIterator;
use crate::process::{Process, StoredFile};

/// A trace opened for reading.
#[pyclass(frozen, module = "reenact._native")]
pub struct Trace {
    trace: Arc<reenact_store::Trace>,
}

#[pymethods]
impl Trace {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Trace> {
        let trace = py
            .detach(|| reenact_store::Trace::open(path))
            .map_err(|error| trace_error(&error))?;
        Ok(Trace {
            trace: Arc::new(trace),
        })
    }

    /// The manifest as JSON text.
    #[getter]
    fn manifest(&self) -> &str {
        self.trace.manifest()
    }

    /// Bytes of the trace on disk.
    #[getter]
    fn size(&self) -> u64 {
        self.trace.size()
    }

    /// Whether the recording was cut off: some process has no recorded end.
    #[getter]
    fn cut(&self) -> bool {
        self.trace.cut()
    }

    /// Byte ranges of the log that are unreadable.
    #[getter]
    fn damaged(&self) -> Vec<(u64, u64)> {
        self.trace.damaged().to_vec()
    }

    fn processes(&self, py: Python<'_>) -> Vec<Process> {
        py.detach(|| self.trace.processes())
            .into_iter()
            .map(Process::from)
            .collect()
    }

    /// Events `first..=last` of a process; `last` None: to the end.
    #[pyo3(signature = (process, first=0, last=None))]
    fn events(&self, process: u32, first: u64, last: Option<u64>) -> PyResult<EventIterator> {
        let stop = last.map_or(u64::MAX, |last| last.saturating_add(1));
        let reader = EventReader::new(self.trace.clone(), process, first, stop)
            .map_err(|error| trace_error(&error))?;
        Ok(EventIterator::new(process, self.trace.clock(), reader))
    }

    fn files(&self) -> Vec<StoredFile> {
        self.trace
            .files()
            .into_iter()
            .map(StoredFile::from)
            .collect()
    }

    fn __repr__(&self) -> String {
        format!("Trace({:?})", self.trace.path())
    }
}
