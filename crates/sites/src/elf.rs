//! The few parts of an ELF file that matter here. Every access is checked.

use std::ops::Range;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const MACHINE_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;
const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_RELA: u32 = 4;
const SHT_NOBITS: u32 = 8;
const SHT_DYNSYM: u32 = 11;
const SHT_INIT_ARRAY: u32 = 14;
const SHT_FINI_ARRAY: u32 = 15;
const SHT_PREINIT_ARRAY: u32 = 16;
const R_X86_64_GLOB_DAT: u32 = 6;
const R_X86_64_JUMP_SLOT: u32 = 7;
const R_X86_64_RELATIVE: u64 = 8;
const SHF_EXECINSTR: u64 = 4;
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
    link: u32,
    entry_size: u64,
}

/// A parsed file.
pub struct Elf<'a> {
    bytes: &'a [u8],
    /// What is loaded, and whether it is executable.
    segments: Vec<(Piece, bool)>,
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

/// Where a table of headers begins, which the word at `at` says; inside the file.
fn table(bytes: &[u8], at: usize) -> Option<usize> {
    let offset = usize::try_from(word(bytes, at)?).ok()?;
    (offset <= bytes.len()).then_some(offset)
}

/// Bytes that the parts of a file may have together. Parts hardly overlap, but a file can say that
/// thousands of them are all of it, and each would be searched.
struct Budget(usize);

impl Budget {
    fn of(bytes: &[u8]) -> Budget {
        Budget(bytes.len().saturating_mul(2))
    }

    fn spend(&mut self, part: &Range<usize>) -> Option<()> {
        self.0 = self.0.checked_sub(part.len())?;
        Some(())
    }
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
            let executable = self.segments.iter().filter(|segment| segment.1);
            executable.map(|segment| segment.0.clone()).collect()
        } else {
            code
        }
    }

    /// Everything that is loaded from the file.
    pub fn loaded(&self) -> Vec<Piece> {
        self.segments
            .iter()
            .map(|segment| segment.0.clone())
            .collect()
    }

    /// Where the program starts; 0: nowhere.
    pub fn entry(&self) -> u64 {
        word(self.bytes, 24).unwrap_or(0)
    }

    /// The words of the arrays of functions that the loader calls, as they are in the file.
    pub fn initializers(&self) -> Vec<u64> {
        let arrays = self.sections.iter().filter(|section| {
            matches!(
                section.kind,
                SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY
            )
        });
        arrays
            .flat_map(|section| self.bytes[section.piece.bytes.clone()].chunks_exact(8))
            .filter_map(|chunk| word(chunk, 0))
            .collect()
    }

    /// Places of pointers that the loader sets to addresses in this file, with these as they are linked.
    pub fn relative_relocations(&self) -> Vec<(u64, u64)> {
        let tables = self.sections.iter();
        tables
            .filter(|section| section.kind == SHT_RELA)
            .flat_map(|section| self.bytes[section.piece.bytes.clone()].chunks_exact(24))
            .filter(|relocation| word(relocation, 8) == Some(R_X86_64_RELATIVE))
            .filter_map(|relocation| Some((word(relocation, 0)?, word(relocation, 16)?)))
            .collect()
    }

    /// Places of pointers that the loader sets to functions of other files, with the names of these.
    pub fn imported(&self) -> Vec<(u64, &'a [u8])> {
        let content = |section: &Section| &self.bytes[section.piece.bytes.clone()];
        let linked = |section: &Section| self.sections.get(section.link as usize);
        let tables = self
            .sections
            .iter()
            .filter(|section| section.kind == SHT_RELA);
        let mut imported = Vec::new();
        for table in tables {
            let Some(symbols) = linked(table).filter(|symbols| symbols.kind == SHT_DYNSYM) else {
                continue;
            };
            let Some(names) = linked(symbols) else {
                continue;
            };
            for relocation in content(table).chunks_exact(24) {
                let (Some(place), Some(info)) = (word(relocation, 0), word(relocation, 8)) else {
                    continue;
                };
                if !matches!(info as u32, R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT) {
                    continue;
                }
                let at = (info >> 32) as usize * 24;
                let name = number::<4>(content(symbols), at)
                    .and_then(|name| content(names).get(name as usize..))
                    .and_then(|rest| rest.split(|&byte| byte == 0).next());
                if let Some(name) = name {
                    imported.push((place, name));
                }
            }
        }
        imported
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

    /// `(address, size)` of the functions in the symbol tables. Labels have no type: they may name data.
    pub fn functions(&self) -> Vec<(u64, u64)> {
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
                if defined && matches!(kind, STT_FUNC | STT_IFUNC) && address != 0 {
                    symbols.push((address, size));
                }
            }
        }
        symbols
    }
}

fn segments(bytes: &[u8]) -> Option<Vec<(Piece, bool)>> {
    let offset = table(bytes, 32)?;
    let size = number::<2>(bytes, 54)? as usize;
    let count = number::<2>(bytes, 56)? as usize;
    let mut segments = Vec::new();
    let mut budget = Budget::of(bytes);
    for index in 0..count {
        let at = offset.checked_add(index * size)?;
        let kind = number::<4>(bytes, at)? as u32;
        let flags = number::<4>(bytes, at + 4)? as u32;
        if kind == PT_LOAD {
            let piece = place(bytes, word(bytes, at + 8)?, word(bytes, at + 32)?)?;
            budget.spend(&piece)?;
            let address = word(bytes, at + 16)?;
            let bytes = piece;
            segments.push((Piece { bytes, address }, flags & PF_X != 0));
        }
    }
    Some(segments)
}

fn sections(bytes: &[u8]) -> Option<Vec<Section>> {
    let offset = table(bytes, 40)?;
    let size = number::<2>(bytes, 58)? as usize;
    let count = number::<2>(bytes, 60)? as usize;
    if offset == 0 || size < 64 {
        return None;
    }
    let mut sections = Vec::new();
    let mut budget = Budget::of(bytes);
    for index in 0..count {
        let at = offset.checked_add(index * size)?;
        let kind = number::<4>(bytes, at + 4)? as u32;
        // Sections without content may claim any place, beyond the file, too.
        let (start, length) = if kind == SHT_NOBITS {
            (0, 0)
        } else {
            (word(bytes, at + 24)?, word(bytes, at + 32)?)
        };
        let place = place(bytes, start, length)?;
        budget.spend(&place)?;
        sections.push(Section {
            name: number::<4>(bytes, at)? as u32,
            kind: if kind == 0 { SHT_PROGBITS } else { kind },
            flags: word(bytes, at + 8)?,
            piece: Piece {
                bytes: place,
                address: word(bytes, at + 16)?,
            },
            link: number::<4>(bytes, at + 40)? as u32,
            entry_size: word(bytes, at + 56)?,
        });
    }
    Some(sections)
}
