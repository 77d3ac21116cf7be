//! `manifest.json`: written when the recording starts, completed when it ends.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use reenact_files::replace_private;
use serde_json::{json, Map, Value};

use crate::machine::{self, ClockPair};

/// The growing manifest of a recording.
#[derive(Clone)]
pub struct Manifest {
    path: PathBuf,
    fields: Map<String, Value>,
}

/// Text of a system string; bytes that are not UTF-8 become U+FFFD.
fn text(string: &OsString) -> Value {
    Value::from(string.to_string_lossy())
}

/// What is known when a recording starts.
pub struct Start<'a> {
    pub command: &'a [OsString],
    pub program: &'a Path,
    pub environment: &'a [OsString],
    pub directory: &'a Path,
    pub settings: Value,
    pub clock: ClockPair,
    pub leaves: &'a [[u32; 6]],
}

impl Manifest {
    /// The manifest of the trace in `trace`, with what is known at the start.
    pub fn new(trace: &Path, start: &Start<'_>) -> Manifest {
        let [hostname, kernel, kernel_version] = machine::system_names();
        let value = json!({
            "format_version": reenact_trace::WHOLE_VERSION,
            "reenact": env!("CARGO_PKG_VERSION"),
            "complete": false,
            "command": start.command.iter().map(text).collect::<Vec<_>>(),
            "program": start.program.to_string_lossy(),
            "directory": start.directory.to_string_lossy(),
            "environment": start.environment.iter().map(text).collect::<Vec<_>>(),
            "hostname": hostname,
            "kernel": kernel,
            "kernel_version": kernel_version,
            "machine": {
                "architecture": "x86-64",
                "xcr0": machine::xcr0(),
                "cpuid": start.leaves,
            },
            "start": start.clock.json(),
            "settings": start.settings,
        });
        let fields = match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Manifest {
            path: trace.join("manifest.json"),
            fields,
        }
    }

    pub fn set(&mut self, key: &str, value: Value) {
        self.fields.insert(key.to_owned(), value);
    }

    pub fn get(&self, key: &str) -> Value {
        self.fields.get(key).cloned().unwrap_or_default()
    }

    /// A copy, for another trace.
    pub fn at(&self, trace: &Path) -> Manifest {
        Manifest {
            path: trace.join("manifest.json"),
            fields: self.fields.clone(),
        }
    }

    /// Processors that answer CPUID differently.
    pub fn set_differing(&mut self, processors: &[(usize, Vec<[u32; 6]>)]) {
        if let (Some(Value::Object(machine)), false) =
            (self.fields.get_mut("machine"), processors.is_empty())
        {
            let list = processors
                .iter()
                .map(|(number, leaves)| json!({ "processor": number, "cpuid": leaves }))
                .collect::<Vec<_>>();
            machine.insert("differing_processors".to_owned(), Value::from(list));
        }
    }

    /// Write it, replacing the old one at once.
    pub fn write(&self) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&self.fields)?;
        bytes.push(b'\n');
        replace_private(&self.path, &bytes)
    }
}
