//! The names of the source files that a program was made of.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use object::elf::FileHeader64;
use object::read::elf::FileHeader;
use object::read::ReadCache;
use object::Endianness;

use crate::elf::read_dwarf;
use crate::lines;

/// More names than this are not told.
const MOST: usize = 20_000;
/// A file with more bytes is not looked into: its sources would be too many.
const LARGEST: u64 = 1 << 30;

/// Pairs of the directory in which a unit was compiled and the path of a source file of it, which is
/// absolute where the directory is. Empty for a file without line tables of its own.
pub fn source_files(file: File) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Ok(copy) = file.try_clone() else {
        return Vec::new();
    };
    let is_small = file.metadata().is_ok_and(|status| status.len() <= LARGEST);
    if !is_small || !has_lines(copy) {
        return Vec::new();
    }
    // The tables of lines are not among what is in other files.
    let Ok(dwarf) = read_dwarf(file, Path::new("")) else {
        return Vec::new();
    };
    let mut found = BTreeSet::new();
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        let Ok(unit) = dwarf.unit(header) else {
            continue;
        };
        let Some(program) = &unit.line_program else {
            continue;
        };
        let directory = unit.comp_dir.as_ref();
        let directory = directory.map_or_else(Vec::new, |bytes| bytes.bytes().to_vec());
        let header = program.header();
        for file in header.file_names() {
            if found.len() == MOST {
                return found.into_iter().collect();
            }
            let path = lines::path(&unit, &dwarf, header, file);
            found.extend(path.map(|path| (directory.clone(), path)));
        }
    }
    found.into_iter().collect()
}

fn has_lines(file: File) -> bool {
    let cache = ReadCache::new(file);
    let looked = || {
        let header = FileHeader64::<Endianness>::parse(&cache).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, &cache).ok()?;
        sections.section_by_name(endian, b".debug_line")
    };
    looked().is_some()
}
