//! The side file `landings`: where landings are, once a replay has found them. Records of one
//! size, only ever appended, each with its own checksum; readers skip what is none.

use crate::checksum::checksum;

/// Starts every record; the last byte is the version of its layout.
pub const RESOLVED_MAGIC: u32 = 0x016c_6e72;
/// More than any real trace has; what lies beyond is not read.
pub const MOST_BYTES: u64 = 64 << 20;

/// One landing that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Process number.
    pub process: u32,
    /// Index of the landing's event.
    pub event: u64,
    /// Time-stamp counter of that event: a record about another recording does not fit.
    pub time: u64,
    /// Instructions since the event before it.
    pub instructions: u64,
}

impl Resolved {
    pub const SIZE: usize = 40;

    /// The record as it is stored.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&RESOLVED_MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.process.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.event.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.time.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.instructions.to_le_bytes());
        let sum = checksum(&bytes[..32]);
        bytes[32..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The record at the start of `bytes`, if there is a whole and undamaged one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Resolved> {
        let bytes: &[u8; Self::SIZE] = bytes.first_chunk()?;
        let word = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
        };
        let half = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
        };
        if half(0)? != RESOLVED_MAGIC || word(32)? != checksum(&bytes[..32]) {
            return None;
        }
        Some(Resolved {
            process: half(4)?,
            event: word(8)?,
            time: word(16)?,
            instructions: word(24)?,
        })
    }
}

/// Hand all records in `bytes` to `take`; how many bytes are done with. The rest may be the
/// beginning of a record.
pub fn read(bytes: &[u8], mut take: impl FnMut(Resolved)) -> usize {
    let mut at = 0;
    while at + Resolved::SIZE <= bytes.len() {
        match Resolved::from_bytes(&bytes[at..]) {
            Some(resolved) => {
                take(resolved);
                at += Resolved::SIZE;
            }
            // A write that was cut short: the next record may begin anywhere behind.
            None => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use alloc::vec::Vec;

    fn sample(event: u64) -> Resolved {
        Resolved {
            process: 3,
            event,
            time: 1 << 50,
            instructions: 123_456_789,
        }
    }

    fn all(bytes: &[u8]) -> (Vec<u64>, usize) {
        let mut events = Vec::new();
        let done = read(bytes, |resolved| events.push(resolved.event));
        (events, done)
    }

    #[test]
    fn records_come_back() {
        let bytes = sample(7).to_bytes();
        assert_eq!(Resolved::from_bytes(&bytes), Some(sample(7)));
    }

    #[test]
    fn a_cut_record_hides_no_other() {
        for cut in 0..Resolved::SIZE {
            let mut bytes = sample(1).to_bytes().to_vec();
            bytes.extend_from_slice(&sample(2).to_bytes()[..cut]);
            bytes.extend_from_slice(&sample(3).to_bytes());
            assert_eq!(all(&bytes).0, [1, 3]);
        }
    }

    #[test]
    fn an_unfinished_record_stays_for_later() {
        let mut bytes = sample(1).to_bytes().to_vec();
        bytes.extend_from_slice(&sample(2).to_bytes());
        let (events, done) = all(&bytes[..bytes.len() - 1]);
        assert_eq!(events, [1]);
        assert!(done <= Resolved::SIZE + 1);
        assert_eq!(all(&bytes[Resolved::SIZE..]).0, [2]);
    }

    #[test]
    fn every_damaged_bit_is_noticed() {
        let bytes = sample(9).to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Resolved::from_bytes(&damaged), None);
        }
    }
}
