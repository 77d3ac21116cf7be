//! The drain loop against producers in threads.

mod producer;
mod scratch;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use producer::{event, Claimed, Producer};
use reenact_supervisor::{Arena, Control, Drain, DrainReport, DrainSettings, LogFile, Sink};
use reenact_trace::chunk::{codec, landmark, ChunkHeader};
use reenact_trace::{EventKind, Events, Tag};
use scratch::Scratch;

struct Log {
    /// Content of each process, its events counted, END landmarks.
    processes: HashMap<u32, (Vec<u8>, u64, u32)>,
}

fn read(path: &Path) -> Log {
    let bytes = fs::read(path).expect("the log was written");
    let mut log = Log {
        processes: HashMap::new(),
    };
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let header = ChunkHeader::parse(rest).expect("a whole chunk");
        let content = header.content(rest).expect("an undamaged chunk");
        let raw = match header.codec {
            codec::ZSTD => {
                zstd::bulk::decompress(content, header.raw as usize).expect("a compressed chunk")
            }
            _ => content.to_vec(),
        };
        let process = log.processes.entry(header.process).or_default();
        if header.landmarks & landmark::END != 0 {
            process.2 += 1;
            assert_eq!(header.first_event, process.1);
        } else {
            assert_eq!(header.first_event, process.1);
            assert_eq!(Events::new(&raw).count() as u32, header.events);
            process.1 += u64::from(header.events);
            process.0.extend_from_slice(&raw);
        }
        rest = &rest[header.total_size()..];
    }
    log
}

fn with_drain(
    scratch: &Scratch,
    linger: Duration,
    produce: impl FnOnce(&Arena),
) -> (DrainReport, Duration) {
    let arena = Arc::new(Arena::create().expect("shared memory"));
    arena
        .header()
        .next_process
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let control = Arc::new(Control::new());
    let log = LogFile::create(&scratch.0.join("events")).expect("a writable directory");
    let settings = DrainSettings {
        is_attached: false,
        snapshot_interval: None,
        linger,
    };
    let drain = Drain::new(arena.clone(), control.clone(), sink_of(log), None, settings);
    let drain = thread::spawn(move || drain.run());
    let start = Instant::now();
    produce(&arena);
    control.root_ended(0);
    let report = drain.join().expect("the drain loop does not panic");
    (report, start.elapsed())
}

fn sink_of(log: LogFile) -> Sink {
    Sink::Files {
        log,
        snapshots: None,
    }
}

#[test]
fn parallel_logs_arrive_whole_and_in_order() {
    let scratch = Scratch::new("parallel");
    let (report, _) = with_drain(&scratch, Duration::from_secs(5), |arena| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut producer = Producer::start(arena, 0);
                    let process = producer.process();
                    // 12 MiB: the ring wraps three times, at odd places.
                    for index in 0..6_000u32 {
                        let payload = vec![index as u8; 500 + (index as usize * 37) % 3000];
                        let result = i64::from(index) << 8 | i64::from(process);
                        let bytes = event(EventKind::Syscall, 1, result, Tag::Write, &payload);
                        producer.publish(&bytes);
                    }
                    producer.end();
                });
            }
        });
    });
    assert_eq!(report.processes, 4);
    assert_eq!(report.events, 24_000);
    assert!(report.complete, "{:?}", report.messages);
    let log = read(&scratch.0.join("events"));
    assert_eq!(
        report.bytes,
        fs::metadata(scratch.0.join("events"))
            .expect("written")
            .len()
    );
    for process in 1..=4u32 {
        let (bytes, events, ends) = &log.processes[&process];
        assert_eq!((*events, *ends), (6_000, 1));
        for (index, event) in Events::new(bytes).enumerate() {
            let event = event.expect("a whole event");
            assert_eq!(
                { event.header.result },
                (index as i64) << 8 | i64::from(process)
            );
        }
    }
}

#[test]
fn many_short_processes_are_cheap() {
    let scratch = Scratch::new("short");
    let count = 500u32;
    let payload: Vec<u8> = (0..200u32)
        .flat_map(|word| (word * 7919).to_le_bytes())
        .collect();
    let (report, elapsed) = with_drain(&scratch, Duration::from_secs(5), |arena| {
        for _ in 0..count {
            let mut producer = Producer::start(arena, 0);
            for _ in 0..30 {
                producer.publish(&event(EventKind::Syscall, 1, 0, Tag::Write, &payload));
            }
            producer.end();
            thread::sleep(Duration::from_micros(100));
        }
    });
    println!("{} us per process", elapsed.as_micros() / u128::from(count));
    assert_eq!(report.processes, count);
    let log = read(&scratch.0.join("events"));
    assert_eq!(log.processes.len() as u32, count);
    assert!(log
        .processes
        .values()
        .all(|(_, events, ends)| (*events, *ends) == (30, 1)));
}

#[test]
fn a_killed_process_keeps_what_it_published() {
    let scratch = Scratch::new("killed");
    let (report, _) = with_drain(&scratch, Duration::from_secs(5), |arena| {
        let mut sleeper = std::process::Command::new("sleep")
            .arg("30")
            .spawn()
            .expect("sleep is installed");
        let mut producer = Producer::start(arena, sleeper.id());
        for result in 0..10 {
            producer.publish(&event(EventKind::Syscall, 1, result, Tag::Write, b"x"));
        }
        thread::sleep(Duration::from_millis(60));
        sleeper.kill().expect("our own child");
        sleeper.wait().expect("our own child");
        thread::sleep(Duration::from_millis(100));
    });
    assert!(report.complete, "{:?}", report.messages);
    let log = read(&scratch.0.join("events"));
    assert_eq!(log.processes[&1].1, 10);
    assert_eq!(log.processes[&1].2, 1);
}

/// A child of ours that a signal has ended; nobody has waited for it.
fn killed_child() -> std::process::Child {
    let mut child = std::process::Command::new("sleep")
        .arg("30")
        .spawn()
        .expect("sleep is installed");
    child.kill().expect("our own child");
    child
}

#[test]
fn a_child_killed_before_its_first_event_has_a_log() {
    let scratch = Scratch::new("dead-child");
    let mut children = Vec::new();
    let (report, _) = with_drain(&scratch, Duration::from_secs(30), |arena| {
        let mut parent = Producer::start(arena, 0);
        parent.publish(&event(EventKind::Syscall, 57, 0, Tag::Write, b"x"));
        // One has not come to take its slot over, one not to its first event, and one was waited
        // for at once.
        for how in 0..3 {
            let mut child = killed_child();
            let claim = Claimed::of(arena, parent.process(), 17 + how);
            if how == 2 {
                child.wait().expect("our own child");
            }
            claim.child_created(child.id());
            if how == 1 {
                claim.activate(child.id());
            }
            children.push(child);
        }
        parent.end();
    });
    assert!(report.complete, "{:?}", report.messages);
    assert_eq!(report.processes, 4);
    let log = read(&scratch.0.join("events"));
    for (how, child) in children.iter_mut().enumerate() {
        let (bytes, events, ends) = &log.processes[&(2 + how as u32)];
        assert_eq!((*events, *ends), (1, 1));
        let start = Events::new(bytes).next().expect("one event");
        let start = start.expect("a whole event");
        assert_eq!(start.kind, EventKind::ProcessStart);
        assert_eq!({ start.header.code }, reenact_trace::event::start::FORK);
        let pid = u64::from(child.id());
        assert_eq!({ start.header.args }[..3], [1, 17 + how as u64, pid]);
        child.wait().expect("our own child");
    }
}

#[test]
fn a_claim_without_a_child_makes_no_log() {
    let scratch = Scratch::new("claim");
    let (report, _) = with_drain(&scratch, Duration::from_secs(30), |arena| {
        let mut parent = Producer::start(arena, 0);
        parent.publish(&event(EventKind::Syscall, 57, 0, Tag::Write, b"x"));
        Claimed::of(arena, parent.process(), 17);
        parent.end();
    });
    assert!(report.complete, "{:?}", report.messages);
    assert_eq!(read(&scratch.0.join("events")).processes.len(), 1);
}

#[test]
fn damage_by_the_program_is_reported_and_ends_that_log_only() {
    let scratch = Scratch::new("damage");
    let (report, _) = with_drain(&scratch, Duration::from_secs(5), |arena| {
        let mut producer = Producer::start(arena, 0);
        producer.publish(&event(EventKind::Syscall, 1, 0, Tag::Write, b"good"));
        producer.publish(&[0xee; 4096]);
        producer.publish(&event(EventKind::Syscall, 1, 0, Tag::Write, b"after"));
        producer.end();
        let mut other = Producer::start(arena, 0);
        other.publish(&event(EventKind::Syscall, 1, 0, Tag::Write, b"good"));
        other.end();
    });
    assert!(!report.complete);
    assert_eq!(report.messages.len(), 1, "{:?}", report.messages);
    let log = read(&scratch.0.join("events"));
    assert_eq!(log.processes[&1].1, 1);
    assert_eq!(log.processes[&2].1, 1);
}

#[test]
fn processes_that_outlive_the_root_are_stopped_after_the_linger_time() {
    let scratch = Scratch::new("linger");
    // Without an end this test would have none: the process is this one.
    let (report, _) = with_drain(&scratch, Duration::from_millis(100), |arena| {
        let mut producer = Producer::start(arena, std::process::id());
        producer.publish(&event(
            EventKind::Note,
            1,
            0,
            Tag::Text,
            b"io_uring was refused",
        ));
    });
    assert!(!report.complete);
    assert!(report
        .messages
        .iter()
        .any(|text| text == "io_uring was refused"));
    assert!(report.messages.iter().any(|text| text.contains("outlived")));
    assert_eq!(read(&scratch.0.join("events")).processes[&1].1, 1);
}

#[test]
fn a_full_disk_stops_the_recording_and_lets_the_program_go_on() {
    let scratch = Scratch::new("full");
    // A file size limit would need its own process; /dev/full fails every write with ENOSPC.
    std::os::unix::fs::symlink("/dev/full", scratch.0.join("events")).expect("a new link");
    let arena = Arc::new(Arena::create().expect("shared memory"));
    let control = Arc::new(Control::new());
    let log = LogFile::append_to(&scratch.0.join("events")).expect("every Linux has /dev/full");
    let settings = DrainSettings {
        is_attached: false,
        snapshot_interval: None,
        linger: Duration::from_secs(1),
    };
    let drain = Drain::new(arena.clone(), control.clone(), sink_of(log), None, settings);
    let drain = thread::spawn(move || drain.run());
    let mut producer = Producer::start(&arena, 0);
    let payload = vec![1; 8192];
    for _ in 0..3000 {
        producer.publish(&event(EventKind::Syscall, 1, 0, Tag::Write, &payload));
    }
    producer.end();
    control.root_ended(0);
    let report = drain.join().expect("the drain loop does not panic");
    assert!(!report.complete);
    assert!(
        report.messages[0].contains("cannot be written"),
        "{:?}",
        report.messages
    );
    let state = arena
        .header()
        .state
        .load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(state, reenact_trace::arena::state::STOPPED);
}
