//! The three tables of a block's sequences: lengths of literals, offsets, lengths of matches.

use crate::error::Error;
use crate::fse::{Distribution, State, MOST_STATES};

/// What a state means: a number, to which more bits are added, and the next state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Code {
    pub base: u32,
    pub extra: u8,
    pub bits: u8,
    pub next: u16,
}

/// What the symbols of a table are.
pub struct Kind {
    base: &'static [u32],
    extra: &'static [u8],
    known: &'static [i16],
    known_accuracy: u32,
    most_accuracy: u32,
}

/// A table, and the bits of its states.
pub struct Table {
    kind: &'static Kind,
    codes: [Code; MOST_STATES],
    accuracy: u32,
    is_there: bool,
    /// Whether it is the one that is known in advance.
    is_known: bool,
}

pub static LITERALS: Kind = Kind {
    base: &[
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48,
        64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
    ],
    extra: &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10,
        11, 12, 13, 14, 15, 16,
    ],
    known: &[
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1,
        1, 1, -1, -1, -1, -1,
    ],
    known_accuracy: 6,
    most_accuracy: 9,
};

pub static MATCHES: Kind = Kind {
    base: &[
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
        27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515,
        1027, 2051, 4099, 8195, 16387, 32771, 65539,
    ],
    extra: &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
    known: &[
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    known_accuracy: 6,
    most_accuracy: 9,
};

pub static OFFSETS: Kind = Kind {
    base: &[
        1,
        1 << 1,
        1 << 2,
        1 << 3,
        1 << 4,
        1 << 5,
        1 << 6,
        1 << 7,
        1 << 8,
        1 << 9,
        1 << 10,
        1 << 11,
        1 << 12,
        1 << 13,
        1 << 14,
        1 << 15,
        1 << 16,
        1 << 17,
        1 << 18,
        1 << 19,
        1 << 20,
        1 << 21,
        1 << 22,
        1 << 23,
        1 << 24,
        1 << 25,
        1 << 26,
        1 << 27,
        1 << 28,
        1 << 29,
        1 << 30,
        1 << 31,
    ],
    extra: &[
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ],
    known: &[
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ],
    known_accuracy: 5,
    most_accuracy: 8,
};

impl Table {
    pub fn new(kind: &'static Kind) -> Table {
        Table {
            kind,
            codes: [Code::default(); MOST_STATES],
            accuracy: 0,
            is_there: false,
            is_known: false,
        }
    }

    /// There is none at the start of a frame.
    pub fn forget(&mut self) {
        self.is_there = false;
    }

    /// Bits of the first state.
    pub fn accuracy(&self) -> u32 {
        self.accuracy
    }

    /// What a state means.
    #[inline(always)]
    pub fn code(&self, state: u64) -> Code {
        self.codes[state as usize % MOST_STATES]
    }

    /// Have the table that a block wants, which may be at the start of `bytes`; how many of them it takes.
    pub fn read(
        &mut self,
        mode: u8,
        bytes: &[u8],
        states: &mut [State; MOST_STATES],
    ) -> Result<usize, Error> {
        const KNOWN: u8 = 0;
        const ONE_SYMBOL: u8 = 1;
        const DESCRIBED: u8 = 2;
        match mode {
            KNOWN => {
                if !self.is_known {
                    let kind = self.kind;
                    self.set(
                        &Distribution::known(kind.known, kind.known_accuracy),
                        states,
                    )?;
                    self.is_known = true;
                }
                self.is_there = true;
                Ok(0)
            }
            ONE_SYMBOL => {
                let &symbol = bytes.first().ok_or(Error::Truncated)?;
                self.codes[0] = self.meaning(State {
                    symbol,
                    ..State::default()
                })?;
                (self.accuracy, self.is_there, self.is_known) = (0, true, false);
                Ok(1)
            }
            DESCRIBED => {
                self.is_known = false;
                let most = self.kind.base.len();
                let (distribution, length) =
                    Distribution::read(bytes, most, self.kind.most_accuracy)?;
                self.set(&distribution, states)?;
                self.is_there = true;
                Ok(length)
            }
            _ if self.is_there => Ok(0),
            _ => Err(Error::Table),
        }
    }

    fn set(
        &mut self,
        distribution: &Distribution,
        states: &mut [State; MOST_STATES],
    ) -> Result<(), Error> {
        distribution.build(states);
        self.accuracy = distribution.accuracy;
        for (index, &state) in states[..1 << self.accuracy].iter().enumerate() {
            self.codes[index] = self.meaning(state)?;
        }
        Ok(())
    }

    fn meaning(&self, state: State) -> Result<Code, Error> {
        let symbol = usize::from(state.symbol);
        let base = *self.kind.base.get(symbol).ok_or(Error::Table)?;
        Ok(Code {
            base,
            extra: self.kind.extra[symbol],
            bits: state.bits,
            next: state.next,
        })
    }
}
