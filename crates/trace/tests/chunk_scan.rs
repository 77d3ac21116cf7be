//! Scanning logs that are whole, cut, damaged and made up.

use std::convert::Infallible;

use reenact_trace::chunk::{ChunkError, ChunkHeader, CHUNK_MAGIC, MAX_EVENTS};
use reenact_trace::chunk_scan::{ChunkScan, Scanned, MOST_SEARCHED};

fn chunk(process: u32, content: usize) -> Vec<u8> {
    let header = ChunkHeader {
        magic: CHUNK_MAGIC,
        process,
        stored: content as u32,
        raw: content as u32,
        ..ChunkHeader::default()
    };
    let mut bytes = header.sealed().as_bytes().to_vec();
    bytes.resize(header.total_size(), 0x55);
    bytes
}

/// What a scan finds: `c` and the process for chunks, `d` and the length for damage; whether it is cut.
fn scan(log: &[u8], window: usize) -> (Vec<String>, bool) {
    let mut window = vec![0; window];
    let mut scan = ChunkScan::new(&mut window, log.len() as u64);
    // As a pipe of a file system may, it gives less than was asked for.
    let mut read = |offset: u64, buffer: &mut [u8]| {
        let rest = &log[(offset as usize).min(log.len())..];
        let count = rest.len().min(buffer.len()).min(1000);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok::<_, Infallible>(count)
    };
    let mut found = Vec::new();
    while let Ok(Some(next)) = scan.next(&mut read) {
        found.push(match next {
            Scanned::Chunk(place) => format!("c{}", place.header.process),
            Scanned::Damage { start, end } => format!("d{}", end - start),
        });
    }
    (found, scan.is_cut())
}

#[test]
fn whole_cut_and_damaged_logs() {
    let whole = [chunk(0, 9), chunk(1, 0), chunk(2, 5000)].concat();
    for window in [48, 56, 100, 4096, 1 << 20] {
        let all: Vec<String> = ["c0", "c1", "c2"].map(String::from).to_vec();
        assert_eq!(scan(&whole, window), (all, false));
        assert_eq!(scan(&[], window), (vec![], false));
        for cut in 1..whole.len() {
            let (found, is_cut) = scan(&whole[..cut], window);
            let complete = [64, 112].iter().filter(|&&end| end <= cut).count();
            assert_eq!(found.len(), complete, "{cut}");
            assert_eq!(is_cut, ![64, 112].contains(&cut), "{cut}");
        }
        let damaged = [chunk(0, 9), vec![7; 64], chunk(2, 5000), vec![9; 80]].concat();
        let (found, is_cut) = scan(&damaged, window);
        assert_eq!(found, ["c0", "d64", "c2"]);
        assert!(is_cut);
    }
}

#[test]
fn a_log_of_terabytes_of_nothing_ends() {
    let mut window = vec![0; 1 << 20];
    let length = 8 << 40;
    let mut scan = ChunkScan::new(&mut window, length);
    let mut bytes = 0;
    let mut read = |_: u64, buffer: &mut [u8]| {
        buffer.fill(0);
        bytes += buffer.len() as u64;
        Ok::<_, Infallible>(buffer.len())
    };
    assert_eq!(scan.next(&mut read), Ok(None));
    assert!(scan.is_cut());
    assert!(bytes <= 2 * MOST_SEARCHED, "{bytes}");
}

#[test]
fn indices_that_no_log_reaches_are_damage() {
    let header = |first_event, events| ChunkHeader {
        magic: CHUNK_MAGIC,
        first_event,
        events,
        ..ChunkHeader::default()
    };
    let parse = |header: ChunkHeader| ChunkHeader::parse(header.sealed().as_bytes());
    assert!(parse(header(MAX_EVENTS - 1, 1)).is_ok());
    for first in [MAX_EVENTS, u64::MAX - 1, u64::MAX] {
        let error = ChunkError::TooManyEvents(first);
        assert_eq!(parse(header(first, 7)), Err(error));
    }
}
