//! The literals of a block.

use alloc::vec::Vec;

use crate::error::Error;
use crate::fse::{State, MOST_STATES};
use crate::huffman::Huffman;

/// Most bytes of a block's content.
pub const MOST_IN_BLOCK: usize = 128 << 10;

/// Where the literals of the block at hand are.
#[derive(Default)]
pub struct Literals {
    buffer: Vec<u8>,
    length: usize,
}

impl Literals {
    /// All of them.
    pub fn all(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    fn room(&mut self, length: usize) -> &mut [u8] {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        self.length = length;
        &mut self.buffer[..length]
    }

    /// Decode the section at the start of `block`; how long it is.
    pub fn read(
        &mut self,
        block: &[u8],
        huffman: &mut Huffman,
        states: &mut [State; MOST_STATES],
    ) -> Result<usize, Error> {
        const RAW: u8 = 0;
        const RUN: u8 = 1;
        const CODED: u8 = 2;
        let (&first, _) = block.split_first().ok_or(Error::Truncated)?;
        let (kind, form) = (first & 3, first >> 2 & 3);
        if kind == RAW || kind == RUN {
            let (header, shift) = match form {
                1 => (2, 4),
                3 => (3, 4),
                _ => (1, 3),
            };
            let length = (number(block, header)? >> shift) as usize;
            let body = &block[header..];
            if length > MOST_IN_BLOCK {
                return Err(Error::Literals);
            }
            if kind == RAW {
                let bytes = body.get(..length).ok_or(Error::Truncated)?;
                self.room(length).copy_from_slice(bytes);
                return Ok(header + length);
            }
            let &byte = body.first().ok_or(Error::Truncated)?;
            self.room(length).fill(byte);
            return Ok(header + 1);
        }
        let (header, bits) = match form {
            2 => (4, 14),
            3 => (5, 18),
            _ => (3, 10),
        };
        let sizes = number(block, header)? >> 4;
        let mask = (1 << bits) - 1;
        let (length, stored) = ((sizes & mask) as usize, (sizes >> bits & mask) as usize);
        let end = header + stored;
        let mut body = block.get(header..end).ok_or(Error::Truncated)?;
        if length > MOST_IN_BLOCK {
            return Err(Error::Literals);
        }
        if kind == CODED {
            let taken = huffman.read(body, states)?;
            body = &body[taken..];
        }
        let room = self.room(length);
        if form == 0 {
            huffman.decode(body, room)?;
        } else {
            four_streams(body, room, huffman)?;
        }
        Ok(end)
    }
}

/// Three streams whose lengths are said, and one more; each but the last has a quarter, rounded up.
fn four_streams(body: &[u8], literals: &mut [u8], huffman: &Huffman) -> Result<(), Error> {
    const SIZES: usize = 6;
    let (sizes, mut streams) = body.split_at_checked(SIZES).ok_or(Error::Truncated)?;
    let quarter = literals.len().div_ceil(4);
    let mut rest = literals;
    for size in sizes.chunks_exact(2) {
        let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
        let (stream, others) = streams.split_at_checked(size).ok_or(Error::Truncated)?;
        let (part, behind) = rest.split_at_mut_checked(quarter).ok_or(Error::Literals)?;
        huffman.decode(stream, part)?;
        (streams, rest) = (others, behind);
    }
    huffman.decode(streams, rest)
}

/// The number that the first bytes are.
fn number(bytes: &[u8], length: usize) -> Result<u64, Error> {
    let taken = bytes.get(..length).ok_or(Error::Truncated)?;
    let mut word = [0; 8];
    word[..length].copy_from_slice(taken);
    Ok(u64::from_le_bytes(word))
}
