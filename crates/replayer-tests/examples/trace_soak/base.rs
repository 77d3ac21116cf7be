//! The traces that are mutated.

use std::fs;
use std::path::{Path, PathBuf};

use reenact_replayer_tests::programs::{forking, hello, single};
use reenact_trace::chunk::{codec, ChunkHeader};

/// A chunk, decompressed.
#[derive(Clone)]
pub struct Chunk {
    pub header: ChunkHeader,
    pub content: Vec<u8>,
}

/// A whole trace.
pub struct Base {
    pub name: String,
    pub manifest: Vec<u8>,
    pub chunks: Vec<Chunk>,
    /// `files.jsonl`.
    pub list: Vec<u8>,
    /// What is in `files`.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Small programs written by hand, and recorded traces.
pub fn all(recorded: &[PathBuf]) -> Vec<Base> {
    let mut hello_file = single(&hello());
    hello_file.end(0, 3 << 8);
    let (parent, child) = forking();
    let mut forking_file = single(&parent);
    forking_file.chunk(1, &child, true).end(0, 0).end(1, 0);
    let made = |name: &str, bytes: &[u8]| Base {
        name: name.to_owned(),
        manifest: b"{\"format_version\":1,\"command\":[\"hello\"],\"complete\":true}\n".to_vec(),
        chunks: chunks(bytes),
        list: Vec::new(),
        files: Vec::new(),
    };
    let mut bases = vec![
        made("hello", &hello_file.bytes),
        made("forking", &forking_file.bytes),
    ];
    bases.extend(recorded.iter().map(|path| of_trace(path)));
    bases
}

fn of_trace(path: &Path) -> Base {
    let read = |name: &str| fs::read(path.join(name)).expect("the trace is a recording");
    let folder = fs::read_dir(path.join("files")).expect("the trace is a recording");
    let files = folder.map(|entry| {
        let entry = entry.expect("the folder is readable");
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, fs::read(entry.path()).expect("the file is readable"))
    });
    Base {
        name: path.display().to_string(),
        manifest: read("manifest.json"),
        chunks: chunks(&read("events")),
        list: read("files.jsonl"),
        files: files.collect(),
    }
}

fn chunks(mut bytes: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while let Ok(header) = ChunkHeader::parse(bytes) {
        let stored = header.content(bytes).expect("the trace is whole");
        let content = match header.codec {
            codec::ZSTD => zstd::bulk::decompress(stored, header.raw as usize).expect("whole"),
            _ => stored.to_vec(),
        };
        chunks.push(Chunk { header, content });
        bytes = &bytes[header.total_size()..];
    }
    chunks
}
