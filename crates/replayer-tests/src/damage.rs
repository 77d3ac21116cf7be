//! Ways to damage bytes, the same on every run.

/// xorshift64*: the same damage on every run.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next_number() % limit.max(1) as u64) as usize
    }
}

/// Damage `bytes` in one to four places.
pub fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    const INTERESTING: [u64; 8] = [
        0,
        1,
        0xff,
        0x5500_0000_0000,
        0x7fff_ffff_f000,
        u64::MAX,
        1 << 47,
        0xffff_ffff,
    ];
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next_number() as u8,
            2 if at + 8 <= bytes.len() => {
                let value = INTERESTING[random.below(INTERESTING.len())];
                let at = at & !7;
                bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
            3 => bytes.truncate(at),
            _ => {
                let from = random.below(bytes.len());
                let length = random.below(64).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
        }
    }
}
