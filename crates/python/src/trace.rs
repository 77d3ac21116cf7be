//! `Trace`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::sync::OnceLock;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use reenact_store::kept_files;

use crate::errors::{damaged, file_error, trace_error};
use crate::event::EventIterator;
use crate::panics::quietly;
use crate::process::{Process, StoredFile};

/// A trace opened for reading.
#[pyclass(frozen, module = "reenact._native")]
pub struct Trace {
    trace: reenact_store::Trace,
    /// By number, read when the first is opened.
    kept: OnceLock<BTreeMap<u32, reenact_store::StoredFile>>,
}

#[pymethods]
impl Trace {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Trace> {
        let trace = py
            .detach(|| quietly(|| reenact_store::Trace::open(path)))
            .ok_or_else(damaged)?
            .map_err(|error| trace_error(&error))?;
        Ok(Trace {
            trace,
            kept: OnceLock::new(),
        })
    }

    /// The manifest as JSON text.
    #[getter]
    fn manifest(&self) -> &str {
        self.trace.manifest()
    }

    /// Whether the recording was cut off: some process has no recorded end.
    #[getter]
    fn cut(&self) -> bool {
        self.trace.log().is_cut()
    }

    /// Byte ranges of the log that are unreadable.
    #[getter]
    fn damaged(&self) -> Vec<(u64, u64)> {
        self.trace.log().damaged().to_vec()
    }

    /// A number that a trace with another log does not have.
    #[getter]
    fn identity(&self) -> u64 {
        self.trace.log().identity()
    }

    fn processes(&self, py: Python<'_>) -> PyResult<Vec<Process>> {
        let processes = py.detach(|| quietly(|| self.trace.processes()));
        let processes = processes.ok_or_else(damaged)?.into_iter();
        Ok(processes.map(Process::from).collect())
    }

    /// Events `first..=last` of a process; `last` None: to the end.
    #[pyo3(signature = (process, first=0, last=None))]
    fn events(&self, process: u32, first: u64, last: Option<u64>) -> PyResult<EventIterator> {
        let stop = last.map_or(u64::MAX, |last| last.saturating_add(1));
        let reader = self.trace.events(process, first, stop);
        let reader = reader.map_err(|error| trace_error(&error))?;
        Ok(EventIterator::new(process, self.trace.clock(), reader))
    }

    fn files(&self) -> Vec<StoredFile> {
        self.trace
            .files()
            .into_iter()
            .map(StoredFile::from)
            .collect()
    }

    /// Numbers of the kept files that the replay of a process needs; reads its whole log.
    fn mapped_files(&self, py: Python<'_>, process: u32) -> PyResult<BTreeSet<u32>> {
        let found = py.detach(|| quietly(|| self.trace.mapped_files(process)));
        found.ok_or_else(damaged)
    }

    /// A new descriptor of a kept file, which is as it was recorded; the caller closes it.
    fn open_kept(&self, py: Python<'_>, number: u32) -> PyResult<i32> {
        let kept = self.kept.get_or_init(|| {
            let files = self.trace.files().into_iter();
            files.map(|stored| (stored.id, stored)).collect()
        });
        let Some(stored) = kept.get(&number) else {
            return Err(PyKeyError::new_err(number));
        };
        py.detach(|| kept_files::open(self.trace.directory(), stored))
            .map(IntoRawFd::into_raw_fd)
            .map_err(|error| trace_error(&error))
    }

    fn __repr__(&self) -> String {
        format!("Trace({:?})", self.trace.directory().path())
    }
}

/// Compare kept files of the trace at a path with what was recorded: all, or those of some numbers.
#[pyfunction]
#[pyo3(signature = (path, numbers=None))]
pub fn check_kept_files(
    py: Python<'_>,
    path: PathBuf,
    numbers: Option<BTreeSet<u32>>,
) -> PyResult<()> {
    let files = reenact_files::TraceFiles::open(path).map_err(|error| file_error(&error))?;
    py.detach(|| kept_files::check(&files, numbers.as_ref()))
        .map_err(|error| trace_error(&error))
}
