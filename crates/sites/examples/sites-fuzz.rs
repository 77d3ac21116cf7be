//! `sites-fuzz --scans N --seed S FILE…`: scan damaged copies of ELF files. Ends with 101 at a panic; says what the slowest
//! scan took.

use std::time::{Duration, Instant};

/// Bytes that send the search somewhere: what is looked for, jumps by tables, calls, addresses.
const TELLING: [&[u8]; 7] = [
    &[0x0f, 0xa2],
    &[0x0f, 0x31],
    &[0xff, 0x24, 0xc5],
    &[0x48, 0x8d, 0x05],
    &[0xe8],
    &[0xe9],
    &[0xff; 8],
];
const MOST_CHANGES: u32 = 10;
const HEADERS: usize = 1024;

/// SplitMix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 << random.below(MOST_CHANGES as usize) {
        let end = if random.below(4) == 0 {
            HEADERS.min(bytes.len())
        } else {
            bytes.len()
        };
        let at = random.below(end);
        if random.below(3) == 0 {
            let telling = TELLING[random.below(TELLING.len())];
            let end = (at + telling.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&telling[..end - at]);
        } else if let Some(byte) = bytes.get_mut(at) {
            *byte = random.below(256) as u8;
        }
    }
    if random.below(8) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
}

fn main() {
    let (mut scans, mut seed, mut files) = (10_000, 1u64, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok());
        match argument.as_str() {
            "--scans" => scans = number().expect("a number of scans"),
            "--seed" => seed = number().expect("a seed"),
            path => files.push(std::fs::read(path).expect("a readable file")),
        }
    }
    assert!(!files.is_empty(), "name an ELF file");
    let mut slowest = Duration::ZERO;
    for scan in 0..scans {
        let mut random = Random(seed.wrapping_add(scan));
        let mut bytes = files[random.below(files.len())].clone();
        damage(&mut bytes, &mut random);
        let start = Instant::now();
        if std::panic::catch_unwind(|| reenact_sites::scan(&bytes)).is_err() {
            println!("panic: --scans 1 --seed {}", seed.wrapping_add(scan));
            std::process::exit(101);
        }
        slowest = slowest.max(start.elapsed());
    }
    println!("{scans} scans, the slowest {slowest:?}");
}
