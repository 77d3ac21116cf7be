//! The files kept in a trace.

use serde_json::Value;

/// One line of `files.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its content is `files/<id>` of the trace.
    pub id: u32,
    /// Path it had when it was mapped.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Time of modification, nanoseconds since the epoch.
    pub mtime_ns: u64,
    /// Checksum of the content, hexadecimal; `None` when it could not be kept.
    pub checksum: Option<String>,
    /// Error number when it could not be kept.
    pub error: Option<i32>,
}

/// Parse the list; lines that were cut off or are damaged are left out.
pub fn parse(text: &str) -> Vec<StoredFile> {
    let mut files: Vec<StoredFile> = text.lines().filter_map(parse_line).collect();
    files.sort_by_key(|file| file.id);
    files
}

fn parse_line(line: &str) -> Option<StoredFile> {
    let value: Value = serde_json::from_str(line).ok()?;
    Some(StoredFile {
        id: u32::try_from(value.get("id")?.as_u64()?).ok()?,
        path: value.get("path")?.as_str()?.to_owned(),
        size: value.get("size")?.as_u64()?,
        mtime_ns: value.get("mtime_ns")?.as_u64()?,
        checksum: value
            .get("checksum")
            .and_then(Value::as_str)
            .map(str::to_owned),
        error: value
            .get("error")
            .and_then(Value::as_i64)
            .map(|error| error as i32),
    })
}
