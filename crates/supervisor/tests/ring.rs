//! A ring holds what can be replayed, whatever processes do: forks, programs, snapshots that come late or never, ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reenact_supervisor::{Batch, Ring, SaveOn};
use reenact_trace::chunk::{codec, landmark, ChunkHeader, EndRecord};
use reenact_trace::event::start;
use reenact_trace::{EventHeader, EventKind};

const LIMIT: u64 = 64 << 10;
const ROUNDS: u64 = 40;
const STEPS: u32 = 1500;

/// xorshift64*.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

/// A process that logs.
#[derive(Default)]
struct Process {
    events: u64,
    /// Who forked it, and by which event.
    parent: Option<(u32, u64)>,
    /// The events its snapshots are behind, and programs it has executed.
    snapshots: Vec<u64>,
    images: Vec<u64>,
    has_ended: bool,
}

struct Run {
    ring: Ring,
    chance: Chance,
    processes: BTreeMap<u32, Process>,
    next: u32,
    now: Instant,
}

fn event(kind: EventKind, code: u16, args: [u64; 6]) -> EventHeader {
    EventHeader {
        size: EventHeader::SIZE as u32,
        kind: kind as u8,
        code,
        args,
        ..EventHeader::default()
    }
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut run = Run {
            ring: Ring::new(LIMIT, SaveOn::Error).expect("memory for a compressor"),
            chance: Chance(seed | 1),
            processes: BTreeMap::new(),
            next: 0,
            now: Instant::now(),
        };
        run.begin(None);
        run
    }

    fn begin(&mut self, parent: Option<(u32, u64)>) {
        let number = self.next;
        self.next += 1;
        self.processes.insert(
            number,
            Process {
                parent,
                ..Process::default()
            },
        );
        self.ring.note_process(number, 100 + number, Instant::now());
        let (code, by) = match parent {
            Some((parent, event)) => (start::FORK, [parent.into(), event]),
            None => (start::ROOT, [u32::MAX.into(), 0]),
        };
        let header = event(EventKind::ProcessStart, code, [by[0], by[1], 0, 0, 0, 0]);
        self.log(number, landmark::PROCESS_START, &[header]);
    }

    fn log(&mut self, number: u32, landmarks: u8, events: &[EventHeader]) {
        let process = self.processes.get_mut(&number).expect("it was begun");
        let bytes: Vec<u8> = events
            .iter()
            .flat_map(|one| one.as_bytes())
            .copied()
            .collect();
        let batch = Batch {
            process: number,
            first_event: process.events,
            events: events.len() as u32,
            landmarks,
            bytes: &bytes,
        };
        process.events += events.len() as u64;
        self.ring.append(&batch);
    }

    /// Some events that do not compress.
    fn work(&mut self, number: u32) {
        let count = 1 + self.chance.below(12);
        let events: Vec<EventHeader> = (0..count)
            .map(|_| {
                let args =
                    [(); 6].map(|()| self.chance.below(1 << 31) << 31 | self.chance.below(1 << 31));
                event(EventKind::Syscall, 1, args)
            })
            .collect();
        self.log(number, 0, &events);
    }

    fn snapshot(&mut self, number: u32, is_whole: bool) {
        let behind = self.processes[&number].events - 1;
        let noise: Vec<u64> = (0..200).map(|_| self.chance.below(1 << 31)).collect();
        let mut bytes: Vec<u8> = noise.iter().flat_map(|word| word.to_le_bytes()).collect();
        let batch = |landmarks: u8, bytes: &[u8], ring: &mut Ring| {
            ring.append_snapshot(&Batch {
                process: number,
                first_event: behind,
                events: 1,
                landmarks,
                bytes,
            });
        };
        batch(0, &bytes, &mut self.ring);
        if is_whole {
            let process = self.processes.get_mut(&number).expect("it was begun");
            process.snapshots.push(behind);
            let last = event(EventKind::Snapshot, 0, [1, 0, 0, 0, 0, 0]);
            bytes.clear();
            bytes.extend_from_slice(last.as_bytes());
            // All go on while the copy writes.
            for _ in 0..self.chance.below(3) {
                self.work(number);
            }
            if self.chance.below(12) == 0 && self.living().len() > 1 {
                self.end(number);
            }
            if self.chance.below(3) == 0 {
                self.ask();
                let others: Vec<u32> = self.living();
                for _ in 0..self.chance.below(80) {
                    let other = others[self.chance.below(others.len() as u64) as usize];
                    if other != number {
                        self.work(other);
                    }
                }
            }
            batch(landmark::SNAPSHOT, &bytes, &mut self.ring);
        }
        self.ring.end_snapshot(number, behind);
    }

    fn end(&mut self, number: u32) {
        let process = self.processes.get_mut(&number).expect("it lives");
        process.has_ended = true;
        let end = EndRecord {
            events: process.events,
            ..EndRecord::default()
        };
        self.ring.append_end(number, &end);
    }

    /// All are asked for snapshots.
    fn ask(&mut self) {
        self.now += Duration::from_secs(3600);
        self.ring.wants_snapshots(self.now);
    }

    fn living(&self) -> Vec<u32> {
        let living = self.processes.iter();
        living
            .filter_map(|(&number, process)| (!process.has_ended).then_some(number))
            .collect()
    }

    fn step(&mut self) {
        let living = self.living();
        let number = living[self.chance.below(living.len() as u64) as usize];
        match self.chance.below(20) {
            0 if living.len() < 12 => {
                self.work(number);
                let event = self.processes[&number].events - 1;
                self.begin(Some((number, event)));
            }
            1 => {
                let image = event(EventKind::ImageBegin, 59, [0; 6]);
                let process = self.processes.get_mut(&number).expect("it lives");
                process.images.push(process.events);
                self.log(number, landmark::IMAGE, &[image]);
            }
            2 if living.len() > 1 => {
                self.end(number);
            }
            3..=5 => {
                let is_whole = self.chance.below(5) > 0;
                self.snapshot(number, is_whole);
            }
            6 => {
                self.ring
                    .wants_snapshots(Instant::now() + Duration::from_secs(3600));
            }
            _ => self.work(number),
        }
    }

    /// What would be saved now can be replayed.
    fn check(&self, path: &PathBuf) {
        let saved = self.ring.saved().expect("memory for a compressor");
        drop(fs::remove_file(path));
        saved.write(path).expect("a writable directory");
        let content = fs::read(path).expect("written just now");
        assert_eq!(content.len() as u64, saved.size());
        let mut begins: BTreeMap<u32, Option<u64>> = BTreeMap::new();
        let mut logged: BTreeMap<u32, u64> = BTreeMap::new();
        let mut at = 0;
        while at < content.len() {
            let header = ChunkHeader::parse(&content[at..]).expect("a whole chunk");
            header.content(&content[at..]).expect("whole content");
            at += header.total_size();
            let (number, first) = (header.process, header.first_event);
            if header.landmarks & landmark::PROCESS_START != 0 {
                assert_eq!(
                    kind_of_first(&content[at - header.total_size()..], &header),
                    3
                );
            }
            if header.landmarks & landmark::BEGINNING != 0 {
                begins.insert(number, Some(first));
                logged.insert(number, first + 1);
            } else if header.landmarks & landmark::END == 0 {
                begins.entry(number).or_default();
                let expected = logged.entry(number).or_default();
                let is_first_part = begins[&number].is_some_and(|event| first <= event + 1);
                assert!(
                    first == *expected || is_first_part,
                    "a gap in process {number}"
                );
                *expected = first + u64::from(header.events);
            }
        }
        for (number, begin) in &begins {
            let process = &self.processes[number];
            assert_eq!(
                logged[number], process.events,
                "the end of process {number}"
            );
            match (begin, process.parent) {
                (Some(event), _) => {
                    let is_snapshot = process.snapshots.contains(event);
                    assert!(
                        is_snapshot || process.images.contains(&(event + 1)),
                        "{number}"
                    );
                }
                (None, Some((parent, event))) => {
                    let parents = begins.get(&parent).expect("the parent of a forked process");
                    assert!(
                        parents.is_none_or(|begin| event > begin),
                        "the fork of {number}"
                    );
                }
                (None, None) => {}
            }
        }
    }
}

/// The kind of the first record of a chunk.
fn kind_of_first(chunk: &[u8], header: &ChunkHeader) -> u8 {
    let content = header.content(chunk).expect("whole content");
    let raw = match header.codec {
        codec::ZSTD => {
            zstd::bulk::decompress(content, header.raw as usize).expect("it was checked")
        }
        _ => content.to_vec(),
    };
    raw[4]
}

#[test]
fn what_is_kept_can_be_replayed() {
    let path = std::env::temp_dir().join(format!("reenact-ring-{}", std::process::id()));
    let mut largest = 0;
    for round in 0..ROUNDS {
        let mut run = Run::new(0x9e37_79b9_7f4a_7c15 ^ (round << 7));
        for step in 0..STEPS {
            run.step();
            if step % 10 == 0 {
                run.check(&path);
            }
        }
        largest = largest.max(run.ring.size().1);
        let kept: u64 = run.ring.snippets().iter().map(|one| one.bytes).sum();
        assert_eq!(kept, run.ring.size().0, "what is counted is what there is");
    }
    drop(fs::remove_file(path));
    // Processes that take no snapshot for a while keep more; it does not go on.
    assert!(largest < 8 * LIMIT, "{largest} bytes");
}
