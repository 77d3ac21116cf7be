//! Traces written by hand: whole, cut, damaged.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use reenact_store::{StoreError, Trace};
use reenact_trace::attachment::AttachmentHeader;
use reenact_trace::checksum::checksum;
use reenact_trace::chunk::{codec, landmark, ChunkHeader, CHUNK_MAGIC};
use reenact_trace::{EventHeader, EventKind, Tag};

struct Scratch(PathBuf);

impl Scratch {
    fn new(log: &[u8], manifest: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("reenact-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        fs::write(path.join("events"), log).expect("writable");
        fs::write(path.join("manifest.json"), manifest).expect("writable");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn event(kind: EventKind, result: i64, attachments: &[(Tag, u64, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (tag, address, payload) in attachments {
        let length = payload.len() as u32;
        let header = AttachmentHeader {
            tag: *tag as u16,
            flags: 0,
            length,
            address: *address,
        };
        body.extend_from_slice(header.as_bytes());
        body.extend_from_slice(payload);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let header = EventHeader {
        size: (EventHeader::SIZE + body.len()) as u32,
        kind: kind as u8,
        code: if kind == EventKind::Exit { 231 } else { 0 },
        attachments: attachments.len() as u32,
        result,
        args: [u64::from(u32::MAX), 0, 100, 1, 0, 0],
        ..EventHeader::default()
    };
    [header.as_bytes(), &body].concat()
}

fn chunk(process: u32, first_event: u64, landmarks: u8, events: &[Vec<u8>]) -> Vec<u8> {
    let raw = events.concat();
    let (stored, codec) = if raw.len() > 400 {
        (
            zstd::bulk::compress(&raw, 1).expect("zstd works"),
            codec::ZSTD,
        )
    } else {
        (raw.clone(), codec::RAW)
    };
    let end = landmarks & landmark::END != 0;
    let header = ChunkHeader {
        magic: CHUNK_MAGIC,
        process,
        first_event,
        events: if end { 0 } else { events.len() as u32 },
        codec,
        landmarks,
        stored: stored.len() as u32,
        raw: raw.len() as u32,
        content_checksum: checksum(&stored),
        ..ChunkHeader::default()
    }
    .sealed();
    let mut bytes = [header.as_bytes(), &stored].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn end(process: u32, events: u64, wait_status: i32) -> Vec<u8> {
    let mut record = wait_status.to_le_bytes().to_vec();
    record.extend_from_slice(&0u32.to_le_bytes());
    record.extend_from_slice(&events.to_le_bytes());
    record.extend_from_slice(&5u64.to_le_bytes());
    chunk(process, events, landmark::END, &[record])
}

/// Three chunks of process 0 around one of process 1, and their ends.
fn sample() -> Vec<Vec<u8>> {
    let image = [
        event(EventKind::ProcessStart, 0, &[]),
        event(
            EventKind::Data,
            0,
            &[(Tag::Argv, 0, b"ls\0-l\0"), (Tag::Path, 0, b"/bin/ls")],
        ),
    ];
    let rest = [event(EventKind::ImageBegin, 0, &[(Tag::Path, 1, b"/tmp")])];
    let calls: Vec<_> = (0..10)
        .map(|n| event(EventKind::Syscall, n, &[(Tag::Write, 9, &[7; 90])]))
        .collect();
    vec![
        chunk(0, 0, landmark::PROCESS_START, &image),
        chunk(0, 2, landmark::IMAGE, &rest),
        chunk(1, 0, 0, &calls),
        chunk(0, 3, 0, &calls),
        chunk(0, 13, landmark::EXIT, &[event(EventKind::Exit, 3, &[])]),
        end(0, 14, 3 << 8),
        end(1, 10, 9),
    ]
}

const MANIFEST: &str = r#"{"format_version": 1}"#;

#[test]
fn a_whole_trace() {
    let scratch = Scratch::new(&sample().concat(), MANIFEST);
    let trace = Trace::open(&scratch.0).expect("a trace");
    assert!(!trace.log().is_cut());
    let processes = trace.processes();
    assert_eq!(processes.len(), 2);
    let first = &processes[0];
    assert_eq!(
        (first.pid, first.ppid, first.parent, first.events),
        (100, 1, None, 14)
    );
    assert_eq!(first.wait_status(), Some(3 << 8));
    assert_eq!(first.images.len(), 1);
    let image = &first.images[0];
    assert_eq!(
        (image.event, &image.path[..], &image.directory[..]),
        (2, &b"/bin/ls"[..], &b"/tmp"[..])
    );
    assert_eq!(image.argv, [b"ls".to_vec(), b"-l".to_vec()]);
    assert_eq!(processes[1].wait_status(), Some(9));

    let some: Vec<_> = trace
        .events(0, 5, 8)
        .expect("process 0")
        .map(|event| event.expect("undamaged"))
        .map(|stored| (stored.index.0, stored.event().header.result))
        .collect();
    assert_eq!(some, [(5, 2), (6, 3), (7, 4)]);
    assert_eq!(trace.events(0, 0, u64::MAX).expect("process 0").count(), 14);
    assert!(matches!(
        trace.events(7, 0, 1),
        Err(StoreError::NoSuchProcess { process: 7 })
    ));
}

#[test]
fn every_cut_is_readable() {
    let whole = sample().concat();
    for length in 0..whole.len() {
        let scratch = Scratch::new(&whole[..length], MANIFEST);
        let trace = Trace::open(&scratch.0).expect("a trace");
        let mut total = 0;
        for process in trace.processes() {
            let events = trace
                .events(process.number, 0, u64::MAX)
                .expect("a listed process");
            total += events.inspect(|event| assert!(event.is_ok())).count();
        }
        assert!(total <= 24);
        assert!(length == 0 || trace.log().is_cut(), "{length}");
    }
}

#[test]
fn damage_anywhere_is_an_error_and_never_a_panic() {
    let whole = sample().concat();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let scratch = Scratch::new(&bytes, MANIFEST);
        let trace = Trace::open(&scratch.0).expect("a trace");
        for process in trace.processes() {
            let events = trace
                .events(process.number, 0, u64::MAX)
                .expect("a listed process");
            assert!(events.count() <= 24);
        }
    }
}

#[test]
fn a_lost_chunk_in_the_middle_is_a_gap() {
    let mut chunks = sample();
    chunks[3][5] ^= 1; // Header of events 3..13 of process 0.
    let scratch = Scratch::new(&chunks.concat(), MANIFEST);
    let trace = Trace::open(&scratch.0).expect("a trace");
    assert_eq!(trace.log().damaged().len(), 1);
    let events: Vec<_> = trace.events(0, 0, u64::MAX).expect("process 0").collect();
    assert_eq!(events.len(), 5);
    let gap = &events[3];
    assert!(
        matches!(
            gap,
            Err(StoreError::Gap {
                expected: 3,
                found: 13,
                ..
            })
        ),
        "{gap:?}"
    );
    assert_eq!(events[4].as_ref().expect("undamaged").index.0, 13);
}

#[test]
fn what_is_no_trace_is_said_so() {
    let kind = |path: &std::path::Path| Trace::open(path).err().map(|error| error.kind());
    let scratch = Scratch::new(b"", r#"{"format_version": 999}"#);
    assert_eq!(kind(&scratch.0), Some("newer-version"));
    let scratch = Scratch::new(b"", r#"{"format_version": "#);
    assert_eq!(kind(&scratch.0), Some("damaged-manifest"));
    let scratch = Scratch::new(b"", "{}");
    assert_eq!(kind(&scratch.0), Some("damaged-manifest"));
    fs::remove_file(scratch.0.join("manifest.json")).expect("it was there");
    assert_eq!(kind(&scratch.0), Some("not-a-trace"));
    assert_eq!(kind(&scratch.0.join("events")), Some("not-a-trace"));
    assert_eq!(kind(&scratch.0.join("nothing")), Some("trace-missing"));
}
