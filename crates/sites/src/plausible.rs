//! Whether a candidate that no way is known to reach may be an instruction all the same.
//! Decoding from many offsets before it tells code from constants, not from tables that look like code.

use iced_x86::{Decoder, DecoderOptions};

use crate::kinds;

/// Earlier offsets to decode from. Decoding from a wrong
/// offset falls into step with the instructions after a few of them.
const NEAREST: usize = 32;
const FARTHEST: usize = 96;
/// Of this many starts that decode, all but one in so many must agree.
const ENOUGH: usize = 16;
const DISSENT: usize = 12;

/// What decoding from one offset says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The instruction starts here and is of this kind.
    Instruction(usize, u16),
    /// The bytes are part of another instruction.
    Inside,
    /// Something before the candidate is no instruction.
    Undecodable,
}

/// Decode from `start` to the candidate at `at`.
fn from_start(code: &[u8], start: usize, at: usize) -> Verdict {
    let Some(bytes) = code.get(start..) else {
        return Verdict::Undecodable;
    };
    let mut decoder = Decoder::with_ip(64, bytes, start as u64, DecoderOptions::NONE);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Verdict::Undecodable;
        }
        let (begin, end) = (instruction.ip() as usize, instruction.next_ip() as usize);
        if end <= at {
            continue;
        }
        return match kinds::of(&instruction) {
            Some(kind) if begin <= at => Verdict::Instruction(begin, kind),
            _ => Verdict::Inside,
        };
    }
    Verdict::Undecodable
}

/// Decode from many offsets before the candidate; believed when nearly all agree.
pub fn instruction_at(code: &[u8], at: usize) -> Option<(usize, u16)> {
    let (mut agree, mut disagree, mut found) = (0, 0, None);
    for start in at.saturating_sub(FARTHEST)..=at.saturating_sub(NEAREST) {
        match from_start(code, start, at) {
            Verdict::Instruction(begin, kind) if found.is_none_or(|old| old == (begin, kind)) => {
                found = Some((begin, kind));
                agree += 1;
            }
            Verdict::Undecodable => {}
            _ => disagree += 1,
        }
    }
    found.filter(|_| agree >= ENOUGH && disagree * DISSENT <= agree)
}
