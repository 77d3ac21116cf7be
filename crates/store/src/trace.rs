//! An opened trace.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord};
use reenact_trace::{Events, FORMAT_VERSION};
use serde_json::Value;

use crate::chunk_index::{ChunkIndex, ChunkPlace};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::event_reader::EventReader;
use crate::files::{self, StoredFile};
use crate::process_table::{self, Process};

/// Decompressed chunks kept.
const CACHED: usize = 8;

/// A trace opened for reading.
pub struct Trace {
    path: PathBuf,
    manifest: String,
    log: File,
    log_bytes: u64,
    clock: Clock,
    cut: bool,
    damaged: Vec<(u64, u64)>,
    /// Chunks with events, by process and first event.
    chunks: BTreeMap<u32, Vec<ChunkPlace>>,
    ends: BTreeMap<u32, EndRecord>,
    cache: Mutex<Vec<(u64, Arc<[u8]>)>>,
}

impl Trace {
    /// Open a trace directory: read its manifest and the headers of its log.
    pub fn open(path: impl Into<PathBuf>) -> Result<Trace, StoreError> {
        let path = path.into();
        let manifest = read_manifest(&path)?;
        let events = path.join("events");
        let unreadable = |error| StoreError::Unreadable {
            path: events.clone(),
            error,
        };
        let log = File::open(&events).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotATrace { path: path.clone() },
            _ => unreadable(error),
        })?;
        let log_bytes = log.metadata().map_err(unreadable)?.len();
        let index = ChunkIndex::scan(&log, log_bytes).map_err(unreadable)?;
        let mut trace = Trace {
            path,
            manifest,
            log,
            log_bytes,
            clock: Clock::between((0, 0), None),
            cut: index.cut,
            damaged: index.damaged,
            chunks: BTreeMap::new(),
            ends: BTreeMap::new(),
            cache: Mutex::new(Vec::new()),
        };
        for place in index.chunks {
            if place.header.landmarks & landmark::END != 0 {
                if let Some(end) = trace.content(&place).ok().as_deref().and_then(parse_end) {
                    trace.ends.insert(place.header.process, end);
                }
                trace.chunks.entry(place.header.process).or_default();
            } else {
                trace
                    .chunks
                    .entry(place.header.process)
                    .or_default()
                    .push(place);
            }
        }
        for chunks in trace.chunks.values_mut() {
            chunks.sort_by_key(|place| place.header.first_event);
        }
        trace.clock = trace.find_clock();
        Ok(trace)
    }

    /// From the manifest; of a trace that was cut off, the last event was logged about when
    /// the log was last written.
    fn find_clock(&self) -> Clock {
        let manifest: Value = serde_json::from_str(&self.manifest).unwrap_or_default();
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
        Clock::between(start, moment("end").or_else(|| self.last_moment()))
    }

    fn last_moment(&self) -> Option<(u64, u64)> {
        let written = self.log.metadata().ok()?.modified().ok()?;
        let written = written.duration_since(UNIX_EPOCH).ok()?.as_nanos() as u64;
        let last = self.chunks.values().filter_map(|chunks| chunks.last());
        let last = last.max_by_key(|place| place.offset)?;
        let content = self.content(last).ok()?;
        let event = Events::new(&content).map_while(Result::ok).last()?;
        Some((written, event.header.time))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest as JSON text.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Bytes of the whole trace on disk.
    pub fn size(&self) -> u64 {
        let mut total = self.log_bytes + self.manifest.len() as u64;
        for name in ["files.jsonl", "files"] {
            let path = self.path.join(name);
            let Ok(entries) = fs::read_dir(&path) else {
                total += path.metadata().map_or(0, |metadata| metadata.len());
                continue;
            };
            total += entries
                .filter_map(|entry| entry.ok()?.metadata().ok())
                .map(|metadata| metadata.len())
                .sum::<u64>();
        }
        total
    }

    /// Whether the log ends inside a chunk, or processes have no recorded end.
    pub fn cut(&self) -> bool {
        self.cut
            || self
                .chunks
                .keys()
                .any(|process| !self.ends.contains_key(process))
    }

    /// Byte ranges of the log that are unreadable.
    pub fn damaged(&self) -> &[(u64, u64)] {
        &self.damaged
    }

    /// How to convert event times.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The files kept in the trace.
    pub fn files(&self) -> Vec<StoredFile> {
        let text = fs::read(self.path.join("files.jsonl")).unwrap_or_default();
        files::parse(&String::from_utf8_lossy(&text))
    }

    /// All recorded processes by number; reads only the chunks with landmarks.
    pub fn processes(&self) -> Vec<Process> {
        self.chunks
            .keys()
            .map(|&number| process_table::describe(self, number))
            .collect()
    }

    /// One recorded process.
    pub fn process(&self, number: u32) -> Result<Process, StoreError> {
        if !self.chunks.contains_key(&number) {
            return Err(StoreError::NoSuchProcess { process: number });
        }
        Ok(process_table::describe(self, number))
    }

    /// Events `start..stop` of a process.
    pub fn events(
        &self,
        process: u32,
        start: u64,
        stop: u64,
    ) -> Result<EventReader<&Trace>, StoreError> {
        EventReader::new(self, process, start, stop)
    }

    pub fn has_process(&self, process: u32) -> bool {
        self.chunks.contains_key(&process)
    }

    /// How a process ended, as far as the recording knows.
    pub fn end(&self, process: u32) -> Option<EndRecord> {
        self.ends.get(&process).copied()
    }

    /// The chunks of a process that hold events, in order.
    pub fn chunks_of(&self, process: u32) -> &[ChunkPlace] {
        self.chunks.get(&process).map_or(&[], Vec::as_slice)
    }

    /// Content of a chunk, decompressed.
    pub fn content(&self, place: &ChunkPlace) -> Result<Arc<[u8]>, StoreError> {
        if let Ok(cache) = self.cache.lock() {
            if let Some((_, content)) = cache.iter().find(|(offset, _)| *offset == place.offset) {
                return Ok(content.clone());
            }
        }
        let content = self.read_content(place)?;
        if let Ok(mut cache) = self.cache.lock() {
            if cache.len() >= CACHED {
                cache.remove(0);
            }
            cache.push((place.offset, content.clone()));
        }
        Ok(content)
    }

    fn read_content(&self, place: &ChunkPlace) -> Result<Arc<[u8]>, StoreError> {
        let damaged = || StoreError::DamagedChunk {
            process: place.header.process,
            first_event: place.header.first_event,
            offset: place.offset,
        };
        let mut stored = vec![0; ChunkHeader::SIZE + place.header.stored as usize];
        self.log
            .read_exact_at(&mut stored, place.offset)
            .map_err(|_| damaged())?;
        let content = place.header.content(&stored).map_err(|_| damaged())?;
        let content: Arc<[u8]> = match place.header.codec {
            codec::RAW => content.into(),
            codec::ZSTD => zstd::bulk::decompress(content, place.header.raw as usize)
                .map_err(|_| damaged())?
                .into(),
            _ => return Err(damaged()),
        };
        if content.len() == place.header.raw as usize {
            Ok(content)
        } else {
            Err(damaged())
        }
    }
}

fn read_manifest(path: &Path) -> Result<String, StoreError> {
    let file = path.join("manifest.json");
    if !path.exists() {
        return Err(StoreError::Missing {
            path: path.to_owned(),
        });
    }
    let bytes = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::NotATrace {
                    path: path.to_owned(),
                },
                _ => StoreError::Unreadable { path: file, error },
            })
        }
    };
    let damaged = |reason: String| StoreError::DamagedManifest {
        path: file.clone(),
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

fn parse_end(bytes: &[u8]) -> Option<EndRecord> {
    let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let first = word(0)?;
    Some(EndRecord {
        wait_status: first as u32 as i32,
        reason: (first >> 32) as u32,
        events: word(8)?,
        time: word(16)?,
    })
}
