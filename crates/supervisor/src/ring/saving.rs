//! What is kept now becomes a trace.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use reenact_trace::chunk::{landmark, ChunkHeader};

use super::identity::Image;
use super::kept::{Begin, Kept};
use super::saved::{LeftOut, Saved, Snippet, Why};
use super::Ring;
use crate::chunk_maker::{Batch, ChunkMaker};

impl Ring {
    /// What there is now.
    pub fn saved(&self) -> io::Result<Saved> {
        let mut maker = ChunkMaker::new()?;
        let mut saved = Saved {
            pieces: Vec::new(),
            left_out: self.left_out.clone(),
            left_out_count: self.left_out_count,
            processes: 0,
            begins_later: false,
        };
        let mut begins: BTreeMap<u32, Begin> = BTreeMap::new();
        for (&number, kept) in &self.processes {
            let begin = begin_of(kept, &begins);
            if begin == Begin::Nowhere {
                saved.left_out_count += 1;
                saved.left_out.push(LeftOut {
                    number,
                    pid: kept.pid,
                    program: kept.identity.program(),
                    why: Why::Waiting,
                });
                continue;
            }
            begins.insert(number, begin);
            saved.processes += 1;
            saved.begins_later |= begin != Begin::Start;
            add(&mut saved.pieces, &mut maker, number, kept, begin);
        }
        Ok(saved)
    }

    /// The processes, for people.
    pub fn snippets(&self) -> Vec<Snippet> {
        let snippet = |(&number, kept): (&u32, &Kept)| Snippet {
            number,
            pid: kept.pid,
            program: kept.identity.program(),
            has_ended: kept.end.is_some(),
            bytes: kept.size(),
        };
        self.processes.iter().map(snippet).collect()
    }
}

/// Where the log of a process begins in a trace with some others, its ancestors among them.
fn begin_of(kept: &Kept, begins: &BTreeMap<u32, Begin>) -> Begin {
    let Some((parent, event)) = kept.identity.fork().filter(|_| kept.begin == Begin::Start) else {
        return kept.begin;
    };
    let is_forked = |begin: &Begin| begin.event().is_none_or(|behind| event > behind);
    if begins.get(&parent).is_some_and(is_forked) {
        return Begin::Start;
    }
    // Its parent's log has no fork of it, or there is none.
    let snapshot = kept.next_snapshot();
    snapshot.map_or(Begin::Nowhere, |first| Begin::Snapshot(first.event))
}

fn add(
    pieces: &mut Vec<Arc<[u8]>>,
    maker: &mut ChunkMaker,
    number: u32,
    kept: &Kept,
    begin: Begin,
) {
    let after = begin.event().map_or(0, |event| event + 1);
    if let Some(event) = begin.event() {
        pieces.push(beginning(maker, number, kept, event, begin));
    }
    if let Begin::Snapshot(event) = begin {
        let snapshot = kept.snapshots.iter().find(|one| one.event == event);
        let chunks = snapshot.map_or(&[][..], |snapshot| &snapshot.chunks);
        pieces.extend(chunks.iter().map(|chunk| as_beginning(chunk)));
    }
    let logged = kept.chunks.iter().filter(|chunk| chunk.end_event > after);
    pieces.extend(logged.map(|chunk| chunk.bytes.clone()));
    pieces.extend(kept.end.clone());
}

/// The first chunk of a beginning: who it is.
fn beginning(
    maker: &mut ChunkMaker,
    process: u32,
    kept: &Kept,
    event: u64,
    begin: Begin,
) -> Arc<[u8]> {
    let mut bytes = kept.identity.start.as_bytes().to_vec();
    // The process has been forked long ago, and what the kernel wrote then is in the snapshot.
    let size = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size.to_le_bytes());
    bytes[12..16].copy_from_slice(&0u32.to_le_bytes());
    let mut events = 1;
    let image = kept
        .identity
        .image_at(event)
        .filter(|_| matches!(begin, Begin::Snapshot(_)));
    if let Some(Image { records, count, .. }) = image {
        bytes.extend_from_slice(records);
        events += count;
    }
    let batch = Batch {
        process,
        first_event: event,
        events,
        landmarks: landmark::BEGINNING | landmark::PROCESS_START,
        bytes: &bytes,
    };
    maker.make(&batch).into()
}

/// A chunk of a snapshot as one that a log begins with.
fn as_beginning(chunk: &[u8]) -> Arc<[u8]> {
    let mut bytes = chunk.to_vec();
    if let Ok(mut header) = ChunkHeader::parse(chunk) {
        header.landmarks |= landmark::BEGINNING;
        bytes[..ChunkHeader::SIZE].copy_from_slice(header.sealed().as_bytes());
    }
    bytes.into()
}
