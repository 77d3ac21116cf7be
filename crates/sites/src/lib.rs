//! Finds non-deterministic instructions in ELF files.
//!
//! Design constraints:
//! * Pure: bytes in, sites out; never panics, whatever the bytes.
//! * A false site is worse than a missed one: the recorder writes a breakpoint on it, which
//!   would change a constant or another instruction, while a missed one is noticed in the replay.
//!   So a site is reported only when decoding says that an instruction starts there.
//! * Files of 100 MB (node) must be scanned in a fraction of a second, while the program waits:
//!   byte patterns are searched first, and only functions that hold one are decoded.

mod candidates;
mod confirm;
mod elf;
mod functions;

use std::ops::Range;

use candidates::candidates;
use confirm::Verdict;
use elf::Elf;
use reenact_trace::event::instruction;

/// A non-deterministic instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Offset of its first byte (prefixes included) in the file.
    pub file_offset: u64,
    /// A constant of [`reenact_trace::event::instruction`].
    pub kind: u16,
}

/// The sites of an ELF file in order of offset; empty for anything that is no x86-64 ELF file.
pub fn scan(bytes: &[u8]) -> Vec<Site> {
    let Some(elf) = Elf::parse(bytes) else {
        return Vec::new();
    };
    let mut sites = Vec::new();
    for code in elf.code() {
        let found = candidates(&bytes[code.bytes.clone()]);
        if found.is_empty() {
            continue;
        }
        let addresses: Vec<u64> = found.iter().map(|&at| code.address + at as u64).collect();
        let functions = functions::around(&elf, &addresses);
        for (&at, function) in found.iter().zip(functions) {
            if let Some((start, kind)) =
                locate(&bytes[code.bytes.clone()], code.address, at, function)
            {
                let file_offset = (code.bytes.start + start) as u64;
                sites.push(Site { file_offset, kind });
            }
        }
    }
    sites.sort_unstable();
    sites.dedup();
    sites
}

/// Where the instruction with the candidate at `at` starts, in a function or without one.
fn locate(
    code: &[u8],
    address: u64,
    at: usize,
    function: Option<Range<u64>>,
) -> Option<(usize, u16)> {
    let Some(function) = function else {
        return confirm::by_consensus(code, at);
    };
    let start = function.start.checked_sub(address)? as usize;
    let end = (function.end.checked_sub(address)? as usize).min(code.len());
    match confirm::from_start(code.get(..end)?, start, at) {
        Verdict::Instruction(start, kind) => Some((start, kind)),
        Verdict::Inside => None,
        // Data lies in the function; what is around the candidate may still be code.
        Verdict::Undecodable => confirm::by_consensus(code, at),
    }
}

/// Name of a kind of site, as an assembler spells it.
pub fn name(kind: u16) -> &'static str {
    instruction::name(kind).unwrap_or("unknown")
}
