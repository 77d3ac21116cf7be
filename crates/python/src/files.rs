//! `TraceFiles`: the files of a trace, opened and written safely.

use std::fs::File;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use reenact_files::FileError;

use crate::errors::file_error;

/// The files of one trace directory.
#[pyclass(frozen, module = "reenact._native")]
pub struct TraceFiles {
    files: reenact_files::TraceFiles,
}

#[pymethods]
impl TraceFiles {
    #[new]
    fn new(path: PathBuf) -> PyResult<TraceFiles> {
        match reenact_files::TraceFiles::open(path) {
            Ok(files) => Ok(TraceFiles { files }),
            Err(error) => Err(file_error(&error)),
        }
    }

    fn read<'py>(&self, py: Python<'py>, name: &str, most: u64) -> PyResult<Bound<'py, PyBytes>> {
        let content = py.detach(|| self.files.read(name, most));
        match content {
            Ok(content) => Ok(PyBytes::new(py, &content)),
            Err(error) => Err(file_error(&error)),
        }
    }

    fn open(&self, name: &str, most: u64) -> PyResult<i32> {
        descriptor(self.files.regular(name, most))
    }

    fn replace(&self, py: Python<'_>, name: &str, content: &[u8]) -> PyResult<()> {
        py.detach(|| self.files.replace(name, content))
            .map_err(|error| file_error(&error))
    }

    fn append(&self, py: Python<'_>, name: &str, content: &[u8], most: u64) -> PyResult<()> {
        py.detach(|| self.files.append(name, content, most))
            .map_err(|error| file_error(&error))
    }

    fn lock_file(&self, name: &str) -> PyResult<i32> {
        descriptor(self.files.lock_file(name))
    }
}

/// The file that Python has open as a descriptor, which stays Python's.
pub fn duplicate(descriptor: i32) -> PyResult<File> {
    if descriptor < 0 {
        return Err(PyValueError::new_err("a descriptor is not negative"));
    }
    // SAFETY: borrowed for the call only; one that is closed is refused by the kernel.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(File::from(borrowed.try_clone_to_owned()?))
}

/// The number of an open file, which the caller closes.
fn descriptor(file: Result<File, FileError>) -> PyResult<i32> {
    match file {
        Ok(file) => Ok(file.into_raw_fd()),
        Err(error) => Err(file_error(&error)),
    }
}
