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
    let mut lanes = [K1.wrapping_add(K2), K2, 0, K1.wrapping_neg()];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (index, lane) in lanes.iter_mut().enumerate() {
            *lane = round(*lane, word(block, index * 8));
        }
    }
    let mut hash = (bytes.len() as u64).wrapping_mul(K3);
    for lane in lanes {
        hash = (hash ^ round(0, lane)).wrapping_mul(K1).wrapping_add(K3);
    }
    let rest = blocks.remainder();
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
