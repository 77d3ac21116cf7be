//! Huffman codes of literals.

use crate::backward_bits::BackwardBits;
use crate::error::Error;
use crate::fse::{Distribution, State, MOST_STATES};

/// Most bits of a code.
const MOST_BITS: u32 = 11;
/// Bytes that a literal can be.
const SYMBOLS: usize = 256;
/// Symbols that a refill has the bits for.
const AT_ONCE: usize = 5;

/// What the next bits mean.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    symbol: u8,
    bits: u8,
}

/// The codes at hand.
pub struct Huffman {
    entries: [Entry; 1 << MOST_BITS],
    /// Bits of the longest; 0: there are none yet.
    bits: u32,
}

impl Huffman {
    pub const fn new() -> Huffman {
        Huffman {
            entries: [Entry { symbol: 0, bits: 0 }; 1 << MOST_BITS],
            bits: 0,
        }
    }

    /// There are none at the start of a frame.
    pub fn forget(&mut self) {
        self.bits = 0;
    }

    /// Read the codes at the start of `bytes`; how many of them they take.
    pub fn read(
        &mut self,
        bytes: &[u8],
        states: &mut [State; MOST_STATES],
    ) -> Result<usize, Error> {
        self.bits = 0;
        let (&first, rest) = bytes.split_first().ok_or(Error::Truncated)?;
        let mut weights = [0u8; SYMBOLS];
        let (count, length) = if first >= 128 {
            let count = usize::from(first) - 127;
            let length = count.div_ceil(2);
            let packed = rest.get(..length).ok_or(Error::Truncated)?;
            for (pair, &byte) in weights.chunks_mut(2).zip(packed) {
                pair[0] = byte >> 4;
                pair[1] = byte & 15;
            }
            weights[count..].fill(0);
            (count, length)
        } else {
            let length = usize::from(first);
            let coded = rest.get(..length).ok_or(Error::Truncated)?;
            (coded_weights(coded, &mut weights, states)?, length)
        };
        self.set_weights(&mut weights, count)?;
        Ok(1 + length)
    }

    /// The last weight is left out: it makes the sum a power of two.
    fn set_weights(&mut self, weights: &mut [u8; SYMBOLS], count: usize) -> Result<(), Error> {
        let value = |weight: u8| if weight == 0 { 0 } else { 1u32 << (weight - 1) };
        if count >= SYMBOLS || weights.iter().any(|&weight| u32::from(weight) > MOST_BITS) {
            return Err(Error::Table);
        }
        let sum: u32 = weights[..count].iter().copied().map(value).sum();
        let bits = sum.checked_ilog2().ok_or(Error::Table)? + 1;
        let left = (1u32 << bits) - sum;
        if bits > MOST_BITS || !left.is_power_of_two() {
            return Err(Error::Table);
        }
        weights[count] = left.ilog2() as u8 + 1;
        let mut at = 0;
        for weight in 1..=bits as u8 {
            for (symbol, _) in weights[..=count]
                .iter()
                .enumerate()
                .filter(|(_, &other)| other == weight)
            {
                let end = at + value(weight) as usize;
                let room = self.entries.get_mut(at..end).ok_or(Error::Table)?;
                room.fill(Entry {
                    symbol: symbol as u8,
                    bits: bits as u8 + 1 - weight,
                });
                at = end;
            }
        }
        if at != 1 << bits {
            return Err(Error::Table);
        }
        self.bits = bits;
        Ok(())
    }

    /// Decode a stream that has exactly as many literals as `literals` has room for.
    pub fn decode(&self, stream: &[u8], literals: &mut [u8]) -> Result<(), Error> {
        if self.bits == 0 {
            return Err(Error::Literals);
        }
        let mut bits = BackwardBits::new(stream)?;
        let mut parts = literals.chunks_exact_mut(AT_ONCE);
        for part in &mut parts {
            bits.refill();
            for literal in part {
                *literal = self.next(&mut bits);
            }
        }
        bits.refill();
        for literal in parts.into_remainder() {
            *literal = self.next(&mut bits);
        }
        if bits.is_used_up() {
            Ok(())
        } else {
            Err(Error::Literals)
        }
    }

    #[inline(always)]
    fn next(&self, bits: &mut BackwardBits<'_>) -> u8 {
        let entry = self.entries[bits.peek(self.bits) as usize % self.entries.len()];
        bits.skip(u32::from(entry.bits));
        entry.symbol
    }
}

/// Weights that are coded themselves, by two states in turn; how many.
fn coded_weights(
    bytes: &[u8],
    weights: &mut [u8; SYMBOLS],
    states: &mut [State; MOST_STATES],
) -> Result<usize, Error> {
    const MOST_ACCURACY: u32 = 6;
    let (distribution, length) = Distribution::read(bytes, MOST_BITS as usize + 2, MOST_ACCURACY)?;
    distribution.build(states);
    let mut bits = BackwardBits::new(&bytes[length..])?;
    let mut turns = [
        bits.read(distribution.accuracy),
        bits.read(distribution.accuracy),
    ];
    let mut count = 0;
    let mut turn = 0;
    loop {
        bits.refill();
        let state = states[turns[turn] as usize % MOST_STATES];
        *weights.get_mut(count).ok_or(Error::Table)? = state.symbol;
        count += 1;
        turns[turn] = u64::from(state.next) + bits.read(u32::from(state.bits));
        turn = 1 - turn;
        if bits.left() < 0 {
            let last = states[turns[turn] as usize % MOST_STATES];
            *weights.get_mut(count).ok_or(Error::Table)? = last.symbol;
            return Ok(count + 1);
        }
    }
}
