//! Tables of finite state entropy codes.

use crate::error::Error;

/// Most states of a table: an accuracy of 9 bits.
pub const MOST_STATES: usize = 512;
/// Most symbols that a code is for.
pub const MOST_SYMBOLS: usize = 64;

/// How often each symbol is there; -1: less than once.
#[derive(Clone, Copy, Debug)]
pub struct Distribution {
    pub counts: [i16; MOST_SYMBOLS],
    pub symbols: usize,
    /// Bits of a state.
    pub accuracy: u32,
}

/// What a state means.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    pub symbol: u8,
    /// Bits to read for the next one.
    pub bits: u8,
    /// To which they are added.
    pub next: u16,
}

impl Distribution {
    /// A distribution at the start of `bytes`, and how many of them it takes.
    pub fn read(
        bytes: &[u8],
        most_symbols: usize,
        most_accuracy: u32,
    ) -> Result<(Distribution, usize), Error> {
        let mut at = 0usize;
        let take = |at: &mut usize, bits: usize| {
            let value = word_at(bytes, *at) & ((1 << bits) - 1);
            *at += bits;
            value as i32
        };
        let accuracy = take(&mut at, 4) as u32 + 5;
        if accuracy > most_accuracy {
            return Err(Error::Table);
        }
        let mut counts = [0i16; MOST_SYMBOLS];
        let mut symbols = 0;
        let mut left = 1i32 << accuracy;
        while left > 0 {
            if symbols >= most_symbols {
                return Err(Error::Table);
            }
            // Values up to left + 1; the lower ones take a bit less.
            let bits = (left + 1).ilog2() as usize + 1;
            let short = (1i32 << bits) - 1 - (left + 1);
            let low = word_at(bytes, at) as i32 & ((1 << (bits - 1)) - 1);
            let value = if low < short {
                at += bits - 1;
                low
            } else {
                let value = take(&mut at, bits);
                if value >= 1 << (bits - 1) {
                    value - short
                } else {
                    value
                }
            };
            let count = value - 1;
            counts[symbols] = count as i16;
            symbols += 1;
            left -= count.abs();
            if count == 0 {
                loop {
                    let more = take(&mut at, 2) as usize;
                    symbols += more;
                    if symbols > most_symbols {
                        return Err(Error::Table);
                    }
                    if more < 3 {
                        break;
                    }
                }
            }
        }
        let length = at.div_ceil(8);
        if left < 0 || length > bytes.len() {
            return Err(Error::Table);
        }
        let distribution = Distribution {
            counts,
            symbols,
            accuracy,
        };
        Ok((distribution, length))
    }

    /// One that is known in advance.
    pub fn known(known: &[i16], accuracy: u32) -> Distribution {
        let mut counts = [0; MOST_SYMBOLS];
        counts[..known.len()].copy_from_slice(known);
        Distribution {
            counts,
            symbols: known.len(),
            accuracy,
        }
    }

    /// Put what each state means into `states`.
    pub fn build(&self, states: &mut [State; MOST_STATES]) {
        let size = 1usize << self.accuracy;
        let mask = size - 1;
        let counts = &self.counts[..self.symbols];
        let mut next = [0u16; MOST_SYMBOLS];
        // Those that are there less than once have the last states.
        let mut end = size;
        for (symbol, &count) in counts.iter().enumerate() {
            if count < 0 {
                end -= 1;
                states[end & mask].symbol = symbol as u8;
                next[symbol] = 1;
            } else {
                next[symbol] = count as u16;
            }
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut at = 0;
        for (symbol, &count) in counts.iter().enumerate() {
            for _ in 0..count.max(0) {
                states[at].symbol = symbol as u8;
                at = (at + step) & mask;
                while at >= end {
                    at = (at + step) & mask;
                }
            }
        }
        for state in &mut states[..size] {
            let number = &mut next[usize::from(state.symbol)];
            let value = u32::from(*number).max(1);
            *number += 1;
            let bits = self.accuracy - value.ilog2();
            state.bits = bits as u8;
            state.next = ((value << bits) - size as u32) as u16;
        }
    }
}

/// Bits from a place on, at least 25 of them; zeros behind the end.
fn word_at(bytes: &[u8], bit: usize) -> u32 {
    let rest = bytes.get(bit / 8..).unwrap_or_default();
    let mut word = [0; 4];
    let length = rest.len().min(4);
    word[..length].copy_from_slice(&rest[..length]);
    u32::from_le_bytes(word) >> (bit % 8)
}
