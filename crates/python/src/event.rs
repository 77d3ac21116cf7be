//! Events and iterating over them.

use std::sync::Mutex;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use reenact_store::{Clock, EventReader, StoredEvent};
use reenact_trace::Tag;

use crate::errors::{damaged, trace_error};
use crate::panics::quietly;
use crate::text::describe;

/// A recorded event.
#[pyclass(frozen, module = "reenact._native")]
pub struct Event {
    process: u32,
    stored: StoredEvent,
    clock: Clock,
}

#[pymethods]
impl Event {
    #[getter]
    fn process(&self) -> u32 {
        self.process
    }

    #[getter]
    fn index(&self) -> u64 {
        self.stored.index.0
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.stored.event().kind.name()
    }

    #[getter]
    fn code(&self) -> u16 {
        self.stored.event().header.code
    }

    /// Name of the system call, signal or instruction; empty for other kinds.
    #[getter]
    fn name(&self) -> String {
        crate::text::name(&self.stored.event())
    }

    #[getter]
    fn flags(&self) -> u8 {
        self.stored.event().header.flags
    }

    #[getter]
    fn tid(&self) -> u32 {
        self.stored.event().header.tid
    }

    /// Time-stamp counter when it was logged.
    #[getter]
    fn time(&self) -> u64 {
        self.stored.event().header.time
    }

    /// Seconds since the start of the recording.
    #[getter]
    fn seconds(&self) -> f64 {
        self.clock.seconds(self.stored.event().header.time)
    }

    #[getter]
    fn ip(&self) -> u64 {
        self.stored.event().header.ip
    }

    #[getter]
    fn register_checksum(&self) -> u64 {
        self.stored.event().header.register_checksum
    }

    #[getter]
    fn result(&self) -> i64 {
        self.stored.event().header.result
    }

    #[getter]
    fn args(&self) -> (u64, u64, u64, u64, u64, u64) {
        let [a, b, c, d, e, f] = self.stored.event().header.args;
        (a, b, c, d, e, f)
    }

    /// One line for a person.
    #[getter]
    fn text(&self) -> String {
        describe(&self.stored.event())
    }

    /// `(tag, address, content)` of each attachment.
    fn attachments<'py>(&self, py: Python<'py>) -> Vec<(&'static str, u64, Bound<'py, PyBytes>)> {
        self.stored
            .event()
            .attachments()
            .map(|one| {
                (
                    tag_name(one.tag),
                    one.address,
                    PyBytes::new(py, one.payload),
                )
            })
            .collect()
    }

    fn __repr__(&self) -> String {
        format!(
            "Event(process={}, index={}, {})",
            self.process,
            self.index(),
            self.text()
        )
    }
}

/// Iterates over events; a damaged part raises `TraceError` once, then it goes on behind it.
#[pyclass(frozen, module = "reenact._native")]
pub struct EventIterator {
    process: u32,
    clock: Clock,
    reader: Mutex<EventReader>,
}

impl EventIterator {
    pub fn new(process: u32, clock: Clock, reader: EventReader) -> EventIterator {
        EventIterator {
            process,
            clock,
            reader: Mutex::new(reader),
        }
    }
}

#[pymethods]
impl EventIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self) -> PyResult<Option<Event>> {
        let mut reader = self
            .reader
            .lock()
            .map_err(|_| PyRuntimeError::new_err("a reader failed before"))?;
        match quietly(|| reader.next()).ok_or_else(damaged)? {
            None => Ok(None),
            Some(Ok(stored)) => Ok(Some(Event {
                process: self.process,
                stored,
                clock: self.clock,
            })),
            Some(Err(error)) => Err(trace_error(&error)),
        }
    }
}

fn tag_name(tag: Tag) -> &'static str {
    match tag {
        Tag::Write => "write",
        Tag::Zero => "zero",
        Tag::Map => "map",
        Tag::Registers => "registers",
        Tag::Process => "process",
        Tag::Text => "text",
        Tag::Path => "path",
        Tag::Argv => "argv",
        Tag::Envp => "envp",
        Tag::Patch => "patch",
        Tag::Breakpoints => "breakpoints",
        Tag::Suspects => "suspects",
        Tag::Unmap => "unmap",
        Tag::Done => "done",
        Tag::Output => "output",
        Tag::ObjectWrite => "object-write",
        Tag::ObjectZero => "object-zero",
        Tag::Discard => "discard",
        Tag::Sequence => "sequence",
        Tag::SignalInfo => "signal-info",
        Tag::MemoryChecksum => "memory-checksum",
        Tag::Vectors => "vectors",
        Tag::Auxv => "auxv",
        Tag::Detour => "detour",
        Tag::Processor => "processor",
        Tag::Thread => "thread",
        Tag::ThreadFile => "thread-file",
        Tag::Translated => "translated",
        _ => "unknown",
    }
}
