//! Bits that are read from the end of a byte string to its beginning.

use crate::error::Error;

/// The reader. What is read beyond the beginning is zeros, and [`BackwardBits::is_used_up`] tells it afterwards.
pub struct BackwardBits<'a> {
    bytes: &'a [u8],
    /// How many of them have not been taken into `value`.
    rest: usize,
    /// The next bits, the low `count` of it.
    value: u64,
    count: u32,
    /// Bits of `value` that are not in the bytes.
    made_up: u32,
}

impl<'a> BackwardBits<'a> {
    /// Begin behind the highest bit of the last byte that is set.
    pub fn new(bytes: &'a [u8]) -> Result<BackwardBits<'a>, Error> {
        let (&last, before) = bytes.split_last().ok_or(Error::Truncated)?;
        if last == 0 {
            return Err(Error::Truncated);
        }
        let mut bits = BackwardBits {
            bytes,
            rest: before.len(),
            value: u64::from(last),
            count: last.ilog2(),
            made_up: 0,
        };
        bits.refill();
        Ok(bits)
    }

    /// Have at least 56 bits at hand.
    #[inline(always)]
    pub fn refill(&mut self) {
        let room = (64 - self.count) / 8;
        if room == 0 {
            return;
        }
        let word = match self.bytes[..self.rest].last_chunk::<8>() {
            Some(word) => {
                self.rest -= room as usize;
                u64::from_le_bytes(*word)
            }
            None => self.last_word(room),
        };
        self.value = if room == 8 {
            word
        } else {
            self.value << (8 * room) | word >> (64 - 8 * room)
        };
        self.count += 8 * room;
    }

    /// The bytes that are left, with zeros below them, of which `room` are taken.
    #[cold]
    fn last_word(&mut self, room: u32) -> u64 {
        let mut word = [0; 8];
        word[8 - self.rest..].copy_from_slice(&self.bytes[..self.rest]);
        let taken = self.rest.min(room as usize);
        self.rest -= taken;
        self.made_up = self.made_up.saturating_add(8 * (room - taken as u32));
        u64::from_le_bytes(word)
    }

    /// The next bits, without going on. Behind a refill there are 56.
    #[inline(always)]
    pub fn peek(&self, bits: u32) -> u64 {
        (self.value >> (self.count.wrapping_sub(bits) & 63)) & ((1 << bits) - 1)
    }

    /// Go on.
    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.count = self.count.saturating_sub(bits);
    }

    /// The next bits.
    #[inline(always)]
    pub fn read(&mut self, bits: u32) -> u64 {
        let value = self.peek(bits);
        self.skip(bits);
        value
    }

    /// Bits that are left; negative: so many more than there were have been read.
    pub fn left(&self) -> i64 {
        8 * self.rest as i64 + i64::from(self.count) - i64::from(self.made_up)
    }

    /// Whether all bits, and no more, have been read.
    pub fn is_used_up(&self) -> bool {
        self.left() == 0
    }
}
