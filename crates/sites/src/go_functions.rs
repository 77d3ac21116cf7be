//! The functions of Go programs, from the table the Go linker makes for its run-time system: it is there without
//! symbols, too (Go's `debug/gosym` and `runtime/symtab.go` describe it).

use std::ops::Range;

use crate::elf::Elf;

/// First words of the table, by version of Go.
const GO_1_2: u32 = 0xffff_fffb;
const GO_1_16: u32 = 0xffff_fffa;
const GO_1_18: u32 = 0xffff_fff0;
const GO_1_20: u32 = 0xffff_fff1;
/// Bytes before the first word of the header that follows.
const MAGIC: usize = 8;
const SECTIONS: [&str; 2] = [".gopclntab", ".data.rel.ro.gopclntab"];

fn word(table: &[u8], at: usize) -> Option<u64> {
    let bytes = table.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

fn half(table: &[u8], at: usize) -> Option<u32> {
    let bytes = table.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// Ranges of the functions of a Go program; nothing for another one.
pub fn ranges(elf: &Elf<'_>) -> Vec<Range<u64>> {
    let section = SECTIONS.iter().find_map(|name| elf.section(name));
    section
        .and_then(|(table, address)| read(elf, table, address))
        .unwrap_or_default()
}

fn read(elf: &Elf<'_>, table: &[u8], address: u64) -> Option<Vec<Range<u64>>> {
    let magic = half(table, 0)?;
    // Instructions begin at any byte, pointers have eight.
    if table.get(4..MAGIC)? != [0, 0, 1, 8] {
        return None;
    }
    let header = |index: usize| word(table, MAGIC + 8 * index);
    let count = usize::try_from(header(0)?).ok()?;
    let part = |at: Option<u64>| table.get(usize::try_from(at?).ok()?..);
    let starts: Vec<u64> = match magic {
        GO_1_2 => addresses(table.get(MAGIC + 8..)?, count)?,
        GO_1_16 => addresses(part(header(6))?, count)?,
        GO_1_18 | GO_1_20 => {
            let text = text_start(elf, header(2)?, address.checked_add(MAGIC as u64 + 16)?)?;
            distances(part(header(7))?, count, text)?
        }
        _ => return None,
    };
    let between = |pair: &[u64]| (pair[0] < pair[1]).then(|| pair[0]..pair[1]);
    Some(starts.windows(2).filter_map(between).collect())
}

/// Starts of functions as addresses, and the end of the last one.
fn addresses(table: &[u8], count: usize) -> Option<Vec<u64>> {
    let table = table.get(..count.checked_mul(16)?.checked_add(8)?)?;
    (0..=count).map(|index| word(table, 16 * index)).collect()
}

/// The same as distances from the start of Go's code.
fn distances(table: &[u8], count: usize, text: u64) -> Option<Vec<u64>> {
    let table = table.get(..count.checked_mul(8)?.checked_add(4)?)?;
    (0..=count)
        .map(|index| text.checked_add(half(table, 8 * index)?.into()))
        .collect()
}

/// Where Go's code starts: as the header says, or the relocation of that `field`, or as the linker has it.
fn text_start(elf: &Elf<'_>, value: u64, field: u64) -> Option<u64> {
    if value != 0 {
        return Some(value);
    }
    let relocated = elf.relative_relocations();
    let relocated = relocated.iter().find(|&&(place, _)| place == field);
    match relocated {
        Some(&(_, address)) => Some(address),
        // Newer headers no longer say so. Where C code is linked in, Go's does not come first.
        None => (elf.section(".eh_frame").is_none())
            .then(|| elf.section(".text"))?
            .map(|(_, address)| address),
    }
}
