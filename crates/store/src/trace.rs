//! An opened trace.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use reenact_files::{FileError, Problem, TraceFiles};
use reenact_trace::FORMAT_VERSION;
use serde_json::Value;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::event_reader::EventReader;
use crate::files::StoredFile;
use crate::kept_files;
use crate::log::Log;
use crate::mapped_files;
use crate::process_table::{self, Process};

/// Most bytes of `manifest.json`.
const MOST_TEXT: u64 = 32 << 20;
/// Where no limit is needed.
const ANY_SIZE: u64 = i64::MAX as u64;

/// A trace opened for reading.
pub struct Trace {
    files: TraceFiles,
    manifest: String,
    log: Arc<Log>,
    clock: Clock,
}

impl Trace {
    /// Open a trace directory: read its manifest and the headers of its log.
    pub fn open(path: impl Into<PathBuf>) -> Result<Trace, StoreError> {
        let path = path.into();
        let files = match TraceFiles::open(&path) {
            Ok(files) => files,
            Err(error) if matches!(error.problem, Problem::Missing) => {
                return Err(StoreError::Missing { path })
            }
            Err(error) => return Err(not_a_trace(error, path)),
        };
        let manifest = read_manifest(&files)?;
        let file = files.regular("events", ANY_SIZE);
        let file = file.map_err(|error| not_a_trace(error, path.clone()))?;
        let log = Log::open(file).map_err(|error| StoreError::Unreadable {
            path: path.join("events"),
            error,
        })?;
        let clock = find_clock(&manifest, &log);
        Ok(Trace {
            files,
            manifest,
            log: Arc::new(log),
            clock,
        })
    }

    /// The files of its directory.
    pub fn directory(&self) -> &TraceFiles {
        &self.files
    }

    /// Its events.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The manifest as JSON text.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// How to convert event times.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The files kept in the trace.
    pub fn files(&self) -> Vec<StoredFile> {
        kept_files::list(&self.files)
    }

    /// All recorded processes by number; reads only the chunks with landmarks.
    pub fn processes(&self) -> Vec<Process> {
        self.log
            .processes()
            .map(|number| process_table::describe(&self.log, number))
            .collect()
    }

    /// One recorded process.
    pub fn process(&self, number: u32) -> Result<Process, StoreError> {
        if !self.log.has_process(number) {
            return Err(StoreError::NoSuchProcess { process: number });
        }
        Ok(process_table::describe(&self.log, number))
    }

    /// Numbers of the kept files that the replay of a process needs; reads its whole log.
    pub fn mapped_files(&self, process: u32) -> BTreeSet<u32> {
        mapped_files::of_process(&self.log, process)
    }

    /// Events `start..stop` of a process.
    pub fn events(&self, process: u32, start: u64, stop: u64) -> Result<EventReader, StoreError> {
        EventReader::new(self.log.clone(), process, start, stop)
    }
}

/// From the manifest; of a trace that was cut off, the last event was logged about when the log was
/// last written.
fn find_clock(manifest: &str, log: &Log) -> Clock {
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    let moment = |name: &str| {
        let value = manifest.get(name)?;
        Some((
            value.get("epoch_ns")?.as_u64()?,
            value.get("tsc")?.as_u64()?,
        ))
    };
    let Some(start) = moment("start") else {
        return Clock::between((0, 0), None);
    };
    Clock::between(start, moment("end").or_else(|| log.last_moment()))
}

/// What opening a file of a trace failed with.
fn not_a_trace(error: FileError, path: PathBuf) -> StoreError {
    match &error.problem {
        Problem::Missing => StoreError::NotATrace { path },
        Problem::System(system) if system.kind() == io::ErrorKind::NotADirectory => {
            StoreError::NotATrace { path }
        }
        _ => StoreError::Refused(error),
    }
}

fn read_manifest(files: &TraceFiles) -> Result<String, StoreError> {
    let bytes = files
        .read("manifest.json", MOST_TEXT)
        .map_err(|error| not_a_trace(error, files.path().to_owned()))?;
    let damaged = |reason: String| StoreError::DamagedManifest {
        path: files.path().join("manifest.json"),
        reason,
    };
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8".to_owned()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let version = value.get("format_version").and_then(Value::as_u64);
    let version = version.ok_or_else(|| damaged("it has no format_version".to_owned()))?;
    if version > u64::from(FORMAT_VERSION) {
        return Err(StoreError::NewerVersion {
            found: version,
            supported: FORMAT_VERSION,
        });
    }
    Ok(text)
}
