//! Processes and kept files.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use pyo3::prelude::*;
use reenact_trace::event::start;

/// A program that ran in a process.
#[pyclass(frozen, get_all, skip_from_py_object, module = "reenact._native")]
#[derive(Clone)]
pub struct Image {
    /// Index of its image-begin event.
    event: u64,
    program: OsString,
    directory: OsString,
    argv: Vec<OsString>,
}

#[pymethods]
impl Image {
    fn __repr__(&self) -> String {
        format!(
            "Image(event={}, program={:?}, argv={:?})",
            self.event, self.program, self.argv
        )
    }
}

/// A recorded process.
#[pyclass(frozen, get_all, module = "reenact._native")]
pub struct Process {
    number: u32,
    parent: Option<u32>,
    parent_event: Option<u64>,
    pid: u32,
    ppid: u32,
    start: &'static str,
    program: OsString,
    argv: Vec<OsString>,
    images: Vec<Image>,
    events: u64,
    begins_behind: Option<u64>,
    log_bytes: u64,
    wait_status: Option<i32>,
    complete: bool,
}

#[pymethods]
impl Process {
    fn __repr__(&self) -> String {
        format!(
            "Process(number={}, pid={}, program={:?}, events={})",
            self.number, self.pid, self.program, self.events
        )
    }
}

impl From<reenact_store::Process> for Process {
    fn from(process: reenact_store::Process) -> Process {
        let wait_status = process.wait_status();
        let images: Vec<Image> = process.images.into_iter().map(Image::from).collect();
        let last = images.last();
        Process {
            number: process.number,
            parent: process.parent,
            parent_event: process.parent.map(|_| process.parent_event),
            pid: process.pid,
            ppid: process.ppid,
            start: match process.start {
                start::ROOT => "root",
                start::FORK => "fork",
                start::ATTACHED => "attached",
                _ => "vfork-exec",
            },
            program: last.map_or_else(OsString::new, |image| image.program.clone()),
            argv: last.map_or_else(Vec::new, |image| image.argv.clone()),
            images,
            events: process.events,
            begins_behind: process.begins_behind,
            log_bytes: process.log_bytes,
            wait_status,
            complete: process.end.is_some_and(|end| end.reason == 0),
        }
    }
}

impl From<reenact_store::Image> for Image {
    fn from(image: reenact_store::Image) -> Image {
        Image {
            event: image.event,
            program: OsString::from_vec(image.path),
            directory: OsString::from_vec(image.directory),
            argv: image.argv.into_iter().map(OsString::from_vec).collect(),
        }
    }
}

/// A file kept in the trace.
#[pyclass(frozen, get_all, module = "reenact._native")]
pub struct StoredFile {
    id: u32,
    path: String,
    size: u64,
    mtime_ns: u64,
    checksum: Option<String>,
    error: Option<i32>,
}

#[pymethods]
impl StoredFile {
    fn __repr__(&self) -> String {
        format!(
            "StoredFile(id={}, path={:?}, size={})",
            self.id, self.path, self.size
        )
    }
}

impl From<reenact_store::StoredFile> for StoredFile {
    fn from(file: reenact_store::StoredFile) -> StoredFile {
        StoredFile {
            id: file.id,
            path: file.path,
            size: file.size,
            mtime_ns: file.mtime_ns,
            checksum: file.checksum,
            error: file.error,
        }
    }
}
