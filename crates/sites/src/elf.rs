//! The few parts of an ELF file that matter here. Every access is checked.

use std::ops::Range;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const MACHINE_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_NOBITS: u32 = 8;
const SHT_DYNSYM: u32 = 11;
const SHF_EXECINSTR: u64 = 4;
const STT_NOTYPE: u8 = 0;
const STT_FUNC: u8 = 2;
const STT_IFUNC: u8 = 10;

/// A piece of the file that is loaded.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Place in the file.
    pub bytes: Range<usize>,
    /// Address it is linked at.
    pub address: u64,
}

struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    piece: Piece,
    entry_size: u64,
}

/// A parsed file.
pub struct Elf<'a> {
    bytes: &'a [u8],
    segments: Vec<Piece>,
    sections: Vec<Section>,
    names: &'a [u8],
}

fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(SIZE)?)?;
    Some(
        part.iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    number::<8>(bytes, at)
}

/// The place of `length` bytes at `offset`, cut to the file.
fn place(bytes: &[u8], offset: u64, length: u64) -> Option<Range<usize>> {
    let start = usize::try_from(offset)
        .ok()
        .filter(|&start| start <= bytes.len())?;
    let length = usize::try_from(length).ok()?.min(bytes.len() - start);
    Some(start..start + length)
}

impl<'a> Elf<'a> {
    /// `None` when it is no x86-64 ELF file.
    pub fn parse(bytes: &'a [u8]) -> Option<Elf<'a>> {
        let right = bytes.starts_with(b"\x7fELF")
            && bytes.get(4) == Some(&CLASS_64)
            && bytes.get(5) == Some(&LITTLE_ENDIAN)
            && number::<2>(bytes, 18) == Some(MACHINE_X86_64.into());
        if !right {
            return None;
        }
        let sections = sections(bytes).unwrap_or_default();
        let names = number::<2>(bytes, 62)
            .and_then(|index| sections.get(index as usize))
            .map_or(&[][..], |section| &bytes[section.piece.bytes.clone()]);
        Some(Elf {
            bytes,
            segments: segments(bytes)?,
            sections,
            names,
        })
    }

    /// Executable bytes: sections marked so, or whole segments when there are no sections.
    pub fn code(&self) -> Vec<Piece> {
        let executable =
            |section: &&Section| section.flags & SHF_EXECINSTR != 0 && section.kind != SHT_NOBITS;
        let code: Vec<Piece> = self
            .sections
            .iter()
            .filter(executable)
            .map(|section| section.piece.clone())
            .collect();
        if code.is_empty() {
            self.segments.clone()
        } else {
            code
        }
    }

    /// Content and address of a section.
    pub fn section(&self, name: &str) -> Option<(&'a [u8], u64)> {
        let section = self.sections.iter().find(|section| {
            let own = self.names.get(section.name as usize..).unwrap_or_default();
            own.strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&0))
        })?;
        // On x86-64 .eh_frame may be of type SHT_X86_64_UNWIND; only NOBITS has no content.
        (section.kind != SHT_NOBITS).then(|| {
            (
                &self.bytes[section.piece.bytes.clone()],
                section.piece.address,
            )
        })
    }

    /// `(address, size)` of the functions and code labels in the symbol tables.
    pub fn symbols(&self) -> Vec<(u64, u64)> {
        let mut symbols = Vec::new();
        let tables = self.sections.iter().filter(|section| {
            matches!(section.kind, SHT_SYMTAB | SHT_DYNSYM) && section.entry_size == 24
        });
        for table in tables {
            let bytes = &self.bytes[table.piece.bytes.clone()];
            for symbol in bytes.chunks_exact(24) {
                let defined = symbol[6] != 0 || symbol[7] != 0;
                let kind = symbol[4] & 15;
                let (Some(address), Some(size)) = (word(symbol, 8), word(symbol, 16)) else {
                    continue;
                };
                if defined && matches!(kind, STT_NOTYPE | STT_FUNC | STT_IFUNC) && address != 0 {
                    symbols.push((address, size));
                }
            }
        }
        symbols
    }
}

fn segments(bytes: &[u8]) -> Option<Vec<Piece>> {
    let offset = word(bytes, 32)? as usize;
    let size = number::<2>(bytes, 54)? as usize;
    let count = number::<2>(bytes, 56)? as usize;
    let mut segments = Vec::new();
    for index in 0..count {
        let at = offset.checked_add(index * size)?;
        let kind = number::<4>(bytes, at)? as u32;
        let flags = number::<4>(bytes, at + 4)? as u32;
        if kind == PT_LOAD && flags & PF_X != 0 {
            let piece = place(bytes, word(bytes, at + 8)?, word(bytes, at + 32)?)?;
            segments.push(Piece {
                bytes: piece,
                address: word(bytes, at + 16)?,
            });
        }
    }
    Some(segments)
}

fn sections(bytes: &[u8]) -> Option<Vec<Section>> {
    let offset = word(bytes, 40)? as usize;
    let size = number::<2>(bytes, 58)? as usize;
    let count = number::<2>(bytes, 60)? as usize;
    if offset == 0 || size < 64 {
        return None;
    }
    let mut sections = Vec::new();
    for index in 0..count {
        let at = offset.checked_add(index * size)?;
        let kind = number::<4>(bytes, at + 4)? as u32;
        // Sections without content may claim any place.
        let length = if kind == SHT_NOBITS {
            0
        } else {
            word(bytes, at + 32)?
        };
        sections.push(Section {
            name: number::<4>(bytes, at)? as u32,
            kind: if kind == 0 { SHT_PROGBITS } else { kind },
            flags: word(bytes, at + 8)?,
            piece: Piece {
                bytes: place(bytes, word(bytes, at + 24)?, length)?,
                address: word(bytes, at + 16)?,
            },
            entry_size: word(bytes, at + 56)?,
        });
    }
    Some(sections)
}
