//! The sequences of a block: so many literals, then a match with what is before.

use crate::backward_bits::BackwardBits;
use crate::error::Error;
use crate::fse::{State, MOST_STATES};
use crate::sequence_codes::{Table, LITERALS, MATCHES, OFFSETS};

/// Bytes that are copied at once, where that is possible.
const PIECE: usize = 16;

/// The tables at hand, and the latest offsets.
pub struct Sequences {
    literals: Table,
    offsets: Table,
    matches: Table,
    latest: [usize; 3],
}

/// Where the content goes.
pub struct Target<'a> {
    pub room: &'a mut [u8],
    /// How much of it is there.
    pub length: usize,
}

impl Sequences {
    pub fn new() -> Sequences {
        Sequences {
            literals: Table::new(&LITERALS),
            offsets: Table::new(&OFFSETS),
            matches: Table::new(&MATCHES),
            latest: [1, 4, 8],
        }
    }

    /// A frame begins.
    pub fn begin(&mut self) {
        self.literals.forget();
        self.offsets.forget();
        self.matches.forget();
        self.latest = [1, 4, 8];
    }

    /// Decode the section that `bytes` are, and make the content of the block from it.
    pub fn run(
        &mut self,
        bytes: &[u8],
        mut literals: &[u8],
        states: &mut [State; MOST_STATES],
        target: &mut Target<'_>,
    ) -> Result<(), Error> {
        let (count, header) = count(bytes)?;
        if count == 0 {
            if bytes.len() > header {
                return Err(Error::Sequences);
            }
            return target.add(literals);
        }
        let (&modes, mut rest) = bytes[header..].split_first().ok_or(Error::Truncated)?;
        if modes & 3 != 0 {
            return Err(Error::Sequences);
        }
        let tables = [
            (&mut self.literals, modes >> 6),
            (&mut self.offsets, modes >> 4 & 3),
            (&mut self.matches, modes >> 2 & 3),
        ];
        for (table, mode) in tables {
            let taken = table.read(mode, rest, states)?;
            rest = &rest[taken..];
        }
        let mut bits = BackwardBits::new(rest)?;
        let mut literal_state = bits.read(self.literals.accuracy());
        let mut offset_state = bits.read(self.offsets.accuracy());
        let mut match_state = bits.read(self.matches.accuracy());
        for left in (0..count).rev() {
            let literal_code = self.literals.code(literal_state);
            let offset_code = self.offsets.code(offset_state);
            let match_code = self.matches.code(match_state);
            bits.refill();
            // At most 31 and 16 bits; then 16, and 26 of the states.
            let value = u64::from(offset_code.base) + bits.read(u32::from(offset_code.extra));
            let matched =
                (match_code.base as u64 + bits.read(u32::from(match_code.extra))) as usize;
            bits.refill();
            let fresh =
                (literal_code.base as u64 + bits.read(u32::from(literal_code.extra))) as usize;
            if left > 0 {
                literal_state =
                    u64::from(literal_code.next) + bits.read(u32::from(literal_code.bits));
                match_state = u64::from(match_code.next) + bits.read(u32::from(match_code.bits));
                offset_state = u64::from(offset_code.next) + bits.read(u32::from(offset_code.bits));
            }
            let offset = self.offset(value as usize, fresh == 0);
            literals = target.add_first(literals, fresh)?;
            target.repeat(offset, matched)?;
        }
        if !bits.is_used_up() {
            return Err(Error::Sequences);
        }
        target.add(literals)
    }

    /// The offset that a value means: one of the latest, or a new one. 0: none that can be.
    #[inline(always)]
    fn offset(&mut self, value: usize, is_without_literals: bool) -> usize {
        let [first, second, third] = self.latest;
        if value > 3 {
            let offset = value - 3;
            self.latest = [offset, first, second];
            return offset;
        }
        match value + usize::from(is_without_literals) {
            1 => first,
            2 => {
                self.latest = [second, first, third];
                second
            }
            3 => {
                self.latest = [third, first, second];
                third
            }
            _ => {
                let offset = first.saturating_sub(1);
                self.latest = [offset, first, second];
                offset
            }
        }
    }
}

/// How many there are, and the length of that.
fn count(bytes: &[u8]) -> Result<(usize, usize), Error> {
    let byte = |at: usize| {
        bytes
            .get(at)
            .copied()
            .map(usize::from)
            .ok_or(Error::Truncated)
    };
    match byte(0)? {
        few @ 0..128 => Ok((few, 1)),
        255 => Ok((byte(1)? + (byte(2)? << 8) + 0x7f00, 3)),
        high => Ok((((high - 128) << 8) + byte(1)?, 2)),
    }
}

impl Target<'_> {
    /// Add bytes.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let end = self.length + bytes.len();
        let room = self.room.get_mut(self.length..end).ok_or(Error::NoRoom)?;
        room.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    /// Add one byte so many times.
    pub fn add_run(&mut self, byte: u8, length: usize) -> Result<(), Error> {
        let end = self.length + length;
        let room = self.room.get_mut(self.length..end).ok_or(Error::NoRoom)?;
        room.fill(byte);
        self.length = end;
        Ok(())
    }

    /// Add the first of some bytes; the others.
    #[inline(always)]
    fn add_first<'a>(&mut self, bytes: &'a [u8], length: usize) -> Result<&'a [u8], Error> {
        let room = &mut self.room[self.length..];
        if length <= PIECE && bytes.len() >= PIECE && room.len() >= PIECE {
            // What is too much is written over.
            room[..PIECE].copy_from_slice(&bytes[..PIECE]);
            self.length += length;
            return Ok(&bytes[length..]);
        }
        let (first, others) = bytes.split_at_checked(length).ok_or(Error::Sequences)?;
        self.add(first)?;
        Ok(others)
    }

    /// Add what begins `offset` bytes ago, and what follows from it.
    #[inline(always)]
    fn repeat(&mut self, offset: usize, length: usize) -> Result<(), Error> {
        let (start, end) = (self.length, self.length + length);
        let from = start.wrapping_sub(offset);
        if offset == 0 || offset > start {
            return Err(Error::Sequences);
        }
        if end > self.room.len() {
            return Err(Error::NoRoom);
        }
        self.length = end;
        if offset >= PIECE && length <= 4 * PIECE && self.room.len() - start >= 4 * PIECE {
            let mut done = 0;
            while done < length {
                let piece = from + done..from + done + PIECE;
                self.room.copy_within(piece, start + done);
                done += PIECE;
            }
        } else if offset == 1 {
            let byte = self.room[from];
            self.room[start..end].fill(byte);
        } else if offset >= length {
            self.room.copy_within(from..from + length, start);
        } else {
            self.repeat_overlapping(from, start, end);
        }
        Ok(())
    }

    /// Each copy doubles what there is to copy from.
    fn repeat_overlapping(&mut self, from: usize, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            let piece = (at - from).min(end - at);
            self.room.copy_within(from..from + piece, at);
            at += piece;
        }
    }
}
