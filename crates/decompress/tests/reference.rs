//! What the library of zstd's authors compresses comes out as it went in, and damage is an error or other content, never a
//! panic.

use reenact_decompress::Decoder;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Bytes with runs, repetitions near and far, text-like and random parts.
fn content(random: &mut Random) -> Vec<u8> {
    let most = [30u64, 3_000, 300_000, 1_500_000][random.below(4) as usize];
    let length = random.below(most) as usize;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let largest = 1 << random.below(15);
        let part = 1 + random.below(largest) as usize;
        match random.below(5) {
            0 => bytes.resize(bytes.len() + part, random.next() as u8),
            1 => bytes.extend((0..part).map(|_| random.next() as u8)),
            2 => {
                let letters = 2 + random.below(60);
                let mut letter = || random.below(letters);
                let mut text = || b' ' + (letter() * letter() / letters) as u8;
                bytes.extend((0..part).map(|_| text()));
            }
            3 if !bytes.is_empty() => {
                let from = random.below(bytes.len() as u64) as usize;
                for at in from..from + part {
                    bytes.push(bytes[at]);
                }
            }
            _ => bytes
                .extend((0..part as u64 / 8 + 1).flat_map(|each| (each * 0x1_0001).to_le_bytes())),
        }
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn content_comes_out_as_it_went_in() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut decoder = Decoder::default();
    for round in 0..400 {
        let bytes = content(&mut random);
        let level = [-5, 1, 3, 9, 19][random.below(5) as usize];
        let frame = zstd::bulk::compress(&bytes, level).expect("it compresses");
        let mut room = vec![0xa5; bytes.len()];
        let length = decoder.decode(&frame, &mut room);
        assert_eq!(length, Ok(bytes.len()), "round {round}, level {level}");
        assert!(room == bytes, "round {round}, level {level}");
    }
}

#[test]
fn frames_follow_one_another() {
    let parts = [&b"first"[..], b"", &[7; 5000]];
    let frames: Vec<u8> = parts
        .iter()
        .flat_map(|part| zstd::bulk::compress(part, 3).expect("it compresses"))
        .collect();
    let mut room = vec![0; 5005];
    assert_eq!(Decoder::default().decode(&frames, &mut room), Ok(5005));
    assert_eq!(room, parts.concat());
}

#[test]
fn damage_is_no_panic() {
    let mut random = Random(0x0fed_cba9_8765_4321);
    let mut decoder = Decoder::default();
    for _ in 0..200 {
        let bytes = content(&mut random);
        let frame = zstd::bulk::compress(&bytes, 3).expect("it compresses");
        for _ in 0..30 {
            let mut damaged = frame.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] = random.next() as u8;
            }
            if random.below(4) == 0 {
                damaged.truncate(random.below(damaged.len() as u64) as usize);
            }
            let mut room = vec![0; bytes.len()];
            let found = decoder.decode(&damaged, &mut room);
            // Where the other decoder takes it, too, both make the same of it.
            let expected = zstd::bulk::decompress(&damaged, bytes.len());
            if let (Ok(length), Ok(expected)) = (found, expected) {
                assert_eq!(room[..length], expected[..]);
            }
        }
    }
}
