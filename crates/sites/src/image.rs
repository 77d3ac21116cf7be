//! A file as it lies in memory: bytes by address.

use crate::elf::{Elf, Piece};

/// What the loader puts where.
pub struct Image<'a> {
    bytes: &'a [u8],
    loaded: Vec<Piece>,
    code: Vec<Piece>,
}

impl<'a> Image<'a> {
    pub fn new(bytes: &'a [u8], elf: &Elf<'_>) -> Image<'a> {
        let mut code = elf.code();
        code.sort_unstable_by_key(|piece| piece.address);
        Image {
            bytes,
            loaded: elf.loaded(),
            code,
        }
    }

    /// The pieces that hold instructions, in order of address.
    pub fn pieces(&self) -> &[Piece] {
        &self.code
    }

    /// The bytes of a piece.
    pub fn bytes(&self, piece: &Piece) -> &'a [u8] {
        self.bytes.get(piece.bytes.clone()).unwrap_or_default()
    }

    fn from(&self, pieces: &[Piece], address: u64) -> Option<&'a [u8]> {
        pieces.iter().find_map(|piece| {
            let at = usize::try_from(address.checked_sub(piece.address)?).ok()?;
            let bytes = self.bytes(piece);
            bytes.get(at..).filter(|rest| !rest.is_empty())
        })
    }

    /// What lies at an address, to the end of its piece.
    pub fn data(&self, address: u64) -> Option<&'a [u8]> {
        self.from(&self.loaded, address)
    }

    /// The instructions from an address on.
    pub fn code(&self, address: u64) -> Option<&'a [u8]> {
        self.from(&self.code, address)
    }

    /// The place in the file of an address in code.
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        self.code.iter().find_map(|piece| {
            let at = address.checked_sub(piece.address)?;
            let is_inside = at < piece.bytes.len() as u64;
            is_inside.then(|| piece.bytes.start as u64 + at)
        })
    }
}
