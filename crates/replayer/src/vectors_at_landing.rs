//! The x87 and vector registers of a landing, compared with those of the running thread.

use alloc::vec::Vec;

use reenact_trace::vectors::{self, EXTENDED, LEGACY_SIZE};
use reenact_trace::Tag;
use reenact_translator::{Place, Translator};

use crate::feed::Group;
use crate::xsave_area::VectorState;

const WORD: usize = 8;

/// What the recording says of them.
pub struct ExpectedVectors<'a> {
    x87: Option<&'a [u8]>,
    sse: &'a [u8],
    /// Number of each component, where this processor's XSAVE area has it, and its content in the
    /// recording (empty: zero).
    extended: Vec<(u64, usize, usize, &'a [u8])>,
}

impl<'a> ExpectedVectors<'a> {
    /// Of a landing's event; `None` for a trace that does not say.
    pub fn of(group: &Group<'a>) -> Option<ExpectedVectors<'a>> {
        let component = |number: u64| {
            group
                .attachments()
                .find(|attachment| attachment.tag == Tag::Vectors && attachment.address == number)
                .map(|attachment| attachment.payload)
        };
        let sse = component(vectors::SSE)?;
        let extended = EXTENDED
            .iter()
            .filter_map(|&number| {
                let (offset, size) = VectorState::place_of(number)?;
                Some((number, offset, size, component(number).unwrap_or(&[])))
            })
            .collect();
        Some(ExpectedVectors {
            x87: component(vectors::X87),
            sse,
            extended,
        })
    }

    /// Whether the running thread has these; if not, a word that tells, if there is one, and what
    /// it should be.
    pub fn compare(&self, translator: &mut Translator) -> Result<(), Option<(Place, u64)>> {
        let state = VectorState::save(translator);
        let area = state.bytes();
        let legacy: &[u8; LEGACY_SIZE] = area.first_chunk().ok_or(None)?;
        let sse = vectors::sse(legacy);
        if sse != *self.sse {
            return Err(self.telling_word(&sse));
        }
        if let Some(expected) = self.x87 {
            let found = vectors::x87(legacy);
            if found != *expected {
                return Err(telling_mantissa(&found, expected));
            }
        }
        for &(component, offset, size, expected) in &self.extended {
            let found = area.get(offset..offset + size).unwrap_or(&[]);
            let zeros = [0; vectors::MOST_BYTES];
            let expected = if expected.is_empty() {
                zeros.get(..size).ok_or(None)?
            } else {
                expected
            };
            if found != expected {
                return Err(differing_word(found, expected)
                    .map(|(at, value)| (place_in_area(component, offset + at), value)));
            }
        }
        Ok(())
    }

    fn telling_word(&self, found: &[u8]) -> Option<(Place, u64)> {
        // The first word is MXCSR's.
        let (at, value) = differing_word(&found[WORD..], self.sse.get(WORD..)?)?;
        let register = (at / (2 * WORD)) as u8;
        Some((Place::Vector(register, at % (2 * WORD) == WORD), value))
    }
}

/// In which register of the x87 stack the two differ, by its mantissa.
fn telling_mantissa(found: &[u8], expected: &[u8]) -> Option<(Place, u64)> {
    const HEAD: usize = 8;
    const SIZE: usize = 10;
    let registers = |content: &'_ [u8], index: usize| -> Option<u64> {
        let bytes = content.get(HEAD + index * SIZE..)?;
        Some(u64::from_le_bytes(*bytes.first_chunk()?))
    };
    (0..8).find_map(|index| {
        let value = registers(expected, index)?;
        let place = place_in_area(vectors::X87, vectors::REGISTERS + index * 16);
        (registers(found, index)? != value).then_some((place, value))
    })
}

fn place_in_area(component: u64, offset: usize) -> Place {
    Place::Component(component as u8, offset as u16)
}

/// The first word in which the two differ: its offset, and what is expected there.
fn differing_word(found: &[u8], expected: &[u8]) -> Option<(usize, u64)> {
    let words = found.chunks_exact(WORD).zip(expected.chunks_exact(WORD));
    words
        .enumerate()
        .find(|(_, (found, expected))| found != expected)
        .and_then(|(index, (_, expected))| {
            Some((index * WORD, u64::from_le_bytes(*expected.first_chunk()?)))
        })
}
