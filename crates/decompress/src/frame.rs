//! Frames and their blocks.

use crate::error::Error;
use crate::fse::{State, MOST_STATES};
use crate::huffman::Huffman;
use crate::literals::{Literals, MOST_IN_BLOCK};
use crate::sequences::{Sequences, Target};

const MAGIC: [u8; 4] = 0xfd2f_b528u32.to_le_bytes();

/// The decoder; it is large, and to be used for many frames.
pub struct Decoder {
    huffman: Huffman,
    literals: Literals,
    sequences: Sequences,
    states: [State; MOST_STATES],
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            huffman: Huffman::new(),
            literals: Literals::default(),
            sequences: Sequences::new(),
            states: [State::default(); MOST_STATES],
        }
    }
}

/// Bytes that are taken from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }
}

impl Decoder {
    /// Decode one frame after the other.
    ///
    /// Args:
    ///   * `frames`: all of them.
    ///   * `room`: where their content goes; what is behind it may be changed.
    ///
    /// Returns: the length of the content.
    pub fn decode(&mut self, frames: &[u8], room: &mut [u8]) -> Result<usize, Error> {
        let mut input = Input(frames);
        let mut done = 0;
        while !input.0.is_empty() {
            done += self.frame(&mut input, &mut room[done..])?;
        }
        Ok(done)
    }

    fn frame(&mut self, input: &mut Input<'_>, room: &mut [u8]) -> Result<usize, Error> {
        if input.take(MAGIC.len())? != MAGIC {
            return Err(Error::NotAFrame);
        }
        let descriptor = input.byte()?;
        let is_single = descriptor >> 5 & 1 == 1;
        let has_checksum = descriptor >> 2 & 1 == 1;
        if descriptor >> 3 & 1 == 1 {
            return Err(Error::NotAFrame);
        }
        if descriptor & 3 != 0 {
            return Err(Error::Dictionary);
        }
        let size_of_size = match (descriptor >> 6, is_single) {
            (0, false) => 0,
            (0, true) => 1,
            (flag, _) => 1 << flag,
        };
        // The window is all of the content, whose length the room is for.
        input.take(usize::from(!is_single) + size_of_size)?;
        self.huffman.forget();
        self.sequences.begin();
        let mut target = Target { room, length: 0 };
        while !self.block(input, &mut target)? {}
        if has_checksum {
            input.take(4)?;
        }
        Ok(target.length)
    }

    /// The next block; whether it is the last one.
    fn block(&mut self, input: &mut Input<'_>, target: &mut Target<'_>) -> Result<bool, Error> {
        const RAW: u32 = 0;
        const RUN: u32 = 1;
        const COMPRESSED: u32 = 2;
        let header = input.take(3)?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let size = (header >> 3) as usize;
        match header >> 1 & 3 {
            RAW => target.add(input.take(size)?)?,
            RUN => target.add_run(input.byte()?, size)?,
            COMPRESSED if size <= MOST_IN_BLOCK => {
                let block = input.take(size)?;
                let taken = self
                    .literals
                    .read(block, &mut self.huffman, &mut self.states)?;
                let literals = self.literals.all();
                self.sequences
                    .run(&block[taken..], literals, &mut self.states, target)?;
            }
            _ => return Err(Error::Block),
        }
        Ok(header & 1 == 1)
    }
}
