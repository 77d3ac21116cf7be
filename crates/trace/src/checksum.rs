//! A fast 64-bit checksum for chunks and memory ranges: four independent lanes of
//! multiply-rotate, so that it runs near memory speed without vector instructions.

const K1: u64 = 0x9e37_79b1_85eb_ca87;
const K2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const K3: u64 = 0x1656_67b1_9e37_79f9;

#[inline]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(K2))
        .rotate_left(31)
        .wrapping_mul(K1)
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut w = [0u8; 8];
    w.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(w)
}

/// Checksum of `bytes`. Not cryptographic.
pub fn checksum(bytes: &[u8]) -> u64 {
    let mut state = Checksum::default();
    let rest = state.add_blocks(bytes);
    state.finish_with(rest)
}

/// A checksum of bytes that come piece by piece.
#[derive(Clone, Debug)]
pub struct Checksum {
    lanes: [u64; 4],
    length: u64,
    /// What is left of the last piece, less than a block.
    waiting: [u8; BLOCK],
    waiting_length: usize,
}

const BLOCK: usize = 32;

impl Default for Checksum {
    fn default() -> Checksum {
        Checksum {
            lanes: [K1.wrapping_add(K2), K2, 0, K1.wrapping_neg()],
            length: 0,
            waiting: [0; BLOCK],
            waiting_length: 0,
        }
    }
}

impl Checksum {
    /// Add the next piece.
    pub fn add(&mut self, mut bytes: &[u8]) {
        if self.waiting_length > 0 {
            let take = bytes.len().min(BLOCK - self.waiting_length);
            self.waiting[self.waiting_length..self.waiting_length + take]
                .copy_from_slice(&bytes[..take]);
            self.waiting_length += take;
            bytes = &bytes[take..];
            if self.waiting_length < BLOCK {
                return;
            }
            let block = self.waiting;
            self.add_blocks(&block);
        }
        let rest = self.add_blocks(bytes);
        self.waiting[..rest.len()].copy_from_slice(rest);
        self.waiting_length = rest.len();
    }

    /// The checksum of all pieces, the same as that of their concatenation.
    pub fn finish(self) -> u64 {
        let waiting = self.waiting;
        let length = self.waiting_length;
        self.finish_with(&waiting[..length])
    }

    /// Add all whole blocks; what is left.
    #[inline]
    fn add_blocks<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut lanes = self.lanes;
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            for (index, lane) in lanes.iter_mut().enumerate() {
                *lane = round(*lane, word(block, index * 8));
            }
        }
        self.lanes = lanes;
        let rest = blocks.remainder();
        self.length += (bytes.len() - rest.len()) as u64;
        rest
    }

    fn finish_with(self, rest: &[u8]) -> u64 {
        let length = self.length + rest.len() as u64;
        let mut hash = length.wrapping_mul(K3);
        for lane in self.lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(K1).wrapping_add(K3);
        }
        let mut words = rest.chunks_exact(8);
        for w in &mut words {
            hash = (hash ^ round(0, word(w, 0)))
                .rotate_left(27)
                .wrapping_mul(K1);
        }
        for &byte in words.remainder() {
            hash = (hash ^ u64::from(byte).wrapping_mul(K3))
                .rotate_left(11)
                .wrapping_mul(K1);
        }
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(K2);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(K3);
        hash ^ (hash >> 32)
    }
}
