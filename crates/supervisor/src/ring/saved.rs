//! What was kept at one moment, and what is told of it.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use reenact_files::create_private;
use serde_json::{json, Value};

/// Why there is nothing of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Ended,
    Waiting,
}

/// A process of which a trace has nothing.
#[derive(Clone, Debug)]
pub struct LeftOut {
    pub number: u32,
    pub pid: u32,
    pub program: String,
    pub why: Why,
}

/// A process of the ring, for people.
#[derive(Clone, Debug)]
pub struct Snippet {
    pub number: u32,
    pub pid: u32,
    pub program: String,
    pub has_ended: bool,
    /// Bytes that are kept of it.
    pub bytes: u64,
}

/// What is kept at one moment.
pub struct Saved {
    pub(super) pieces: Vec<Arc<[u8]>>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) left_out_count: u64,
    pub processes: u32,
    pub(super) begins_later: bool,
}

impl Saved {
    /// Write the file `events` of a trace.
    ///
    /// # Errors
    /// When the file is there already, or the disk is full or fails.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = create_private(path)?;
        self.pieces
            .iter()
            .try_for_each(|piece| file.write_all(piece))?;
        file.flush()
    }

    /// What the manifest says of it.
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        let version = if self.begins_later {
            reenact_trace::FORMAT_VERSION
        } else {
            reenact_trace::WHOLE_VERSION
        };
        let processes: Vec<Value> = self.left_out.iter().map(left_out).collect();
        let count = self.left_out_count;
        vec![
            ("format_version", json!(version)),
            (
                "left_out",
                json!({ "count": count, "processes": processes }),
            ),
            ("processes", json!(self.processes)),
        ]
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

fn left_out(one: &LeftOut) -> Value {
    let why = match one.why {
        Why::Ended => "ended",
        Why::Waiting => "waiting",
    };
    json!({ "number": one.number, "pid": one.pid, "program": one.program, "why": why })
}
