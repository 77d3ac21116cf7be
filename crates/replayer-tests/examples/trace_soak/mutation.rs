//! What becomes of a trace. Checksums are right afterwards, unless the bytes themselves are damaged.

use reenact_replayer_tests::chunks::sealed;
use reenact_replayer_tests::damage::{damage, Random};
use reenact_trace::chunk::ChunkHeader;

use crate::base::{Base, Chunk};

/// A mutated trace; `None`: as it is in the base.
#[derive(Default)]
pub struct Mutated {
    pub events: Option<Vec<u8>>,
    pub manifest: Option<Vec<u8>>,
    pub list: Option<Vec<u8>>,
}

const INTERESTING: [u64; 10] = [
    0,
    1,
    2,
    0xff,
    0xffff,
    u32::MAX as u64,
    1 << 32,
    1 << 47,
    1 << 48,
    u64::MAX,
];

/// A mutation, and what it is.
pub fn mutate(base: &Base, random: &mut Random) -> (Mutated, &'static str) {
    let mut mutated = Mutated::default();
    let mut chunks = base.chunks.clone();
    let at = random.below(chunks.len());
    let what = match random.below(16) {
        0..=8 => {
            damage(random, &mut chunks[at].content);
            "content of a chunk"
        }
        9 | 10 => {
            field(&mut chunks[at].header, random);
            "header of a chunk"
        }
        11 => {
            match random.below(3) {
                0 => drop(chunks.remove(at)),
                1 => chunks.insert(random.below(chunks.len()), chunks[at].clone()),
                _ => chunks.swap(at, random.below(base.chunks.len())),
            }
            "order of the chunks"
        }
        12 => {
            let mut bytes = file(&chunks, random);
            damage(random, &mut bytes);
            mutated.events = Some(bytes);
            "bytes of the log"
        }
        13 | 14 => {
            let mut bytes = base.manifest.clone();
            damage(random, &mut bytes);
            mutated.manifest = Some(bytes);
            "manifest"
        }
        _ => {
            let mut bytes = base.list.clone();
            damage(random, &mut bytes);
            mutated.list = Some(bytes);
            "list of files"
        }
    };
    if mutated.events.is_none() {
        mutated.events = Some(file(&chunks, random));
    }
    (mutated, what)
}

fn field(header: &mut ChunkHeader, random: &mut Random) {
    let value = INTERESTING[random.below(INTERESTING.len())];
    match random.below(6) {
        0 => header.process = value as u32,
        1 => header.first_event = value,
        2 => header.events = value as u32,
        3 => header.landmarks = value as u8,
        4 => header.first_event = header.first_event.wrapping_add(value),
        _ => header.raw = value as u32,
    }
}

/// The file of these chunks, compressed or not.
fn file(chunks: &[Chunk], random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks {
        let compressed = random.below(2) == 0;
        let stored = if compressed {
            zstd::bulk::compress(&chunk.content, 1).expect("compression into memory works")
        } else {
            chunk.content.clone()
        };
        // A field that was mutated stays so.
        let is_right = chunk.header.raw as usize == chunk.content.len() || random.below(2) == 0;
        let raw = if is_right {
            chunk.content.len() as u32
        } else {
            chunk.header.raw
        };
        bytes.extend_from_slice(&sealed(chunk.header, &stored, raw, compressed));
    }
    bytes
}
