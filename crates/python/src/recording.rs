//! `record`.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use reenact_supervisor::{FileCache, Mechanism, Outcome, RecordOptions, RingOptions, SaveOn};

use crate::errors::{detach_error, record_error};

/// How a recording went.
#[pyclass(frozen, get_all, module = "reenact._native")]
pub struct RecordOutcome {
    trace: OsString,
    wait_status: i32,
    timed_out: bool,
    interrupted: bool,
    processes: u32,
    events: u64,
    bytes: u64,
    raw_bytes: u64,
    duration_ns: u64,
    messages: Vec<String>,
    complete: bool,
    saved: bool,
    ring_bytes: u64,
}

#[pymethods]
impl RecordOutcome {
    fn __repr__(&self) -> String {
        format!(
            "RecordOutcome(trace={:?}, wait_status={}, processes={}, events={})",
            self.trace, self.wait_status, self.processes, self.events
        )
    }
}

/// Record a command; blocks until it has ended, without the GIL.
#[pyfunction]
#[pyo3(signature = (trace_dir, argv, *, recorder, checksum_interval=0, leaves_code=false, env=None, cwd=None,
                    mechanism="auto", linger=2.0, chaos_seed=None, timeout=None,
                    snapshot_interval=None, snapshot_events=0, ring=None, save_on="error",
                    ring_socket=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub fn record(
    py: Python<'_>,
    trace_dir: PathBuf,
    argv: Vec<OsString>,
    recorder: PathBuf,
    checksum_interval: u64,
    leaves_code: bool,
    env: Option<Vec<(OsString, OsString)>>,
    cwd: Option<PathBuf>,
    mechanism: &str,
    linger: f64,
    chaos_seed: Option<u64>,
    timeout: Option<f64>,
    snapshot_interval: Option<f64>,
    snapshot_events: u64,
    ring: Option<u64>,
    save_on: &str,
    ring_socket: Option<PathBuf>,
) -> PyResult<RecordOutcome> {
    let mut options = RecordOptions::new(trace_dir, recorder, argv);
    options.mechanism = match mechanism {
        "auto" => Mechanism::Auto,
        "dispatch" => Mechanism::Dispatch,
        "seccomp" => Mechanism::Seccomp,
        _ => {
            return Err(PyValueError::new_err(
                "mechanism must be \"auto\", \"dispatch\" or \"seccomp\"",
            ))
        }
    };
    options.linger = Duration::try_from_secs_f64(linger)
        .map_err(|_| PyValueError::new_err("linger must be a number of seconds, not negative"))?;
    options.timeout = timeout
        .map(Duration::try_from_secs_f64)
        .transpose()
        .map_err(|_| PyValueError::new_err("timeout must be a number of seconds, not negative"))?;
    options.snapshot_interval = snapshot_interval
        .map(Duration::try_from_secs_f64)
        .transpose()
        .map_err(|_| PyValueError::new_err("snapshot_interval must be a number of seconds"))?;
    options.snapshot_events = snapshot_events;
    options.ring = ring_of(ring, save_on, ring_socket)?;
    options.chaos_seed = chaos_seed;
    options.checksum_interval = checksum_interval;
    options.leaves_code = leaves_code;
    options.directory = cwd;
    options.environment = env.map(|pairs| pairs.into_iter().map(joined).collect());
    py.detach(|| reenact_supervisor::record(&options))
        .map(RecordOutcome::from)
        .map_err(|error| record_error(&error))
}

/// Record a process that runs already; blocks until it has ended or Ctrl-C is pressed, without the GIL. `attached` is called
/// when it is recorded; what that raises is raised at the end.
#[pyfunction]
#[pyo3(signature = (trace_dir, pid, *, recorder, attached, linger=2.0, ring=None, save_on="error",
                    ring_socket=None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub fn attach(
    py: Python<'_>,
    trace_dir: PathBuf,
    pid: i32,
    recorder: PathBuf,
    attached: Py<PyAny>,
    linger: f64,
    ring: Option<u64>,
    save_on: &str,
    ring_socket: Option<PathBuf>,
) -> PyResult<RecordOutcome> {
    let mut options = RecordOptions::new(trace_dir, recorder, Vec::new());
    options.mechanism = Mechanism::Dispatch;
    options.linger = Duration::try_from_secs_f64(linger)
        .map_err(|_| PyValueError::new_err("linger must be a number of seconds, not negative"))?;
    options.ring = ring_of(ring, save_on, ring_socket)?;
    let mut raised = Ok(());
    let outcome = py.detach(|| {
        let told = Cell::new(Ok(()));
        let tell = || told.set(Python::attach(|py| attached.call0(py).map(drop)));
        let outcome = reenact_supervisor::attach(&options, pid, &tell);
        raised = told.into_inner();
        outcome
    });
    let outcome = outcome.map_err(|error| record_error(&error))?;
    raised.map(|()| RecordOutcome::from(outcome))
}

/// End the recording of a process that was attached to, and take the recorder out of it; blocks, without the GIL.
#[pyfunction]
pub fn detach(py: Python<'_>, pid: i32) -> PyResult<()> {
    py.detach(|| reenact_supervisor::detach(pid))
        .map_err(|error| detach_error(&error))
}

impl From<Outcome> for RecordOutcome {
    fn from(outcome: Outcome) -> RecordOutcome {
        RecordOutcome {
            trace: outcome.trace.into_os_string(),
            wait_status: outcome.wait_status,
            timed_out: outcome.timed_out,
            interrupted: outcome.interrupted,
            processes: outcome.processes,
            events: outcome.events,
            bytes: outcome.bytes,
            raw_bytes: outcome.raw_bytes,
            duration_ns: outcome.duration_ns,
            messages: outcome.messages,
            complete: outcome.complete,
            saved: outcome.saved,
            ring_bytes: outcome.ring_bytes,
        }
    }
}

fn ring_of(
    size: Option<u64>,
    save_on: &str,
    socket: Option<PathBuf>,
) -> PyResult<Option<RingOptions>> {
    let save_on = save_on_of(save_on)?;
    Ok(size.map(|size| RingOptions {
        size,
        save_on,
        socket,
    }))
}

fn save_on_of(word: &str) -> PyResult<SaveOn> {
    SaveOn::from_word(word).ok_or_else(|| {
        PyValueError::new_err("save_on must be \"always\", \"error\", \"signal\" or \"never\"")
    })
}

/// Remove the copies of files that no trace has any more from the user's cache.
#[pyfunction]
pub fn forget_unused_copies(py: Python<'_>) {
    py.detach(|| FileCache::open().prune_to(0, 0));
}

fn joined((mut name, value): (OsString, OsString)) -> OsString {
    name.push("=");
    name.push(value);
    name
}
