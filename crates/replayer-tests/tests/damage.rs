//! Damaged traces: never a crash, never a hang.

use reenact_replayer_tests::chunks::{sealed, write_trace};
use reenact_replayer_tests::damage::{damage, Random};
use reenact_replayer_tests::programs::{forking, hello};
use reenact_replayer_tests::{replay, EventBuilder};
use reenact_trace::chunk::ChunkHeader;

fn raw(events: &[EventBuilder]) -> Vec<u8> {
    events.iter().flat_map(EventBuilder::bytes).collect()
}

/// A chunk of damaged content under right checksums.
fn chunk(process: u32, events: u32, content: &[u8], compress: bool) -> Vec<u8> {
    let header = ChunkHeader {
        process,
        events,
        ..ChunkHeader::default()
    };
    let stored = if compress {
        zstd::bulk::compress(content, 1).expect("compression into memory works")
    } else {
        content.to_vec()
    };
    sealed(header, &stored, content.len() as u32, compress)
}

fn check(name: &str, rounds: u64, make: impl Fn(&mut Random) -> Vec<u8>) {
    for round in first()..first() + rounds {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (round + 1).wrapping_mul(0x1234_5677));
        let trace = write_trace(name, &make(&mut random));
        let trace = trace.as_path();
        // Damage can make a loop that never ends: that is not a hang of ours.
        let replay = replay(trace, &["--runaway", "1000000"]);
        let fine = matches!(replay.status, Some(0 | 1 | 3)) && replay.line("end").is_some();
        assert!(
            fine,
            "{name}, round {round}: {:?}\n{}",
            replay.status, replay.report
        );
    }
    println!("{name}: {rounds} damaged traces");
}

/// Number of the first round, to repeat one: `REENACT_DAMAGE_FIRST`.
fn first() -> u64 {
    std::env::var("REENACT_DAMAGE_FIRST")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Rounds of each kind; `REENACT_DAMAGE_ROUNDS` for more.
fn rounds() -> u64 {
    std::env::var("REENACT_DAMAGE_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(400)
}

#[test]
fn damaged_files() {
    check("damaged-file", rounds(), |random| {
        let events = hello();
        let mut bytes = chunk(0, events.len() as u32, &raw(&events), random.below(2) == 0);
        damage(random, &mut bytes);
        bytes
    });
}

#[test]
fn damaged_events_under_right_checksums() {
    check("damaged-events", rounds() * 2, |random| {
        let events = hello();
        let mut content = raw(&events);
        damage(random, &mut content);
        chunk(0, events.len() as u32, &content, random.below(2) == 0)
    });
}

#[test]
fn damaged_compression_under_right_checksums() {
    check("damaged-compression", rounds(), |random| {
        let events = hello();
        let content = raw(&events);
        let mut stored = zstd::bulk::compress(&content, 3).expect("compression works");
        damage(random, &mut stored);
        let header = ChunkHeader {
            events: events.len() as u32,
            ..ChunkHeader::default()
        };
        sealed(header, &stored, content.len() as u32, true)
    });
}

#[test]
fn damaged_forks_under_right_checksums() {
    check("damaged-forks", rounds(), |random| {
        let (parent, child) = forking();
        let (mut first, mut second) = (raw(&parent), raw(&child));
        let which = if random.below(2) == 0 {
            &mut first
        } else {
            &mut second
        };
        damage(random, which);
        let mut bytes = chunk(0, parent.len() as u32, &first, false);
        bytes.extend(chunk(1, child.len() as u32, &second, false));
        bytes
    });
}
