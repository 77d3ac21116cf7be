//! The names of the source files that a program was made of.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use gimli::{AttributeValue, LineProgramHeader, Reader};
use object::elf::FileHeader64;
use object::read::elf::FileHeader;
use object::read::ReadCache;
use object::Endianness;

use crate::dwarf::{Unit, Units};
use crate::elf::Elf;
use crate::parts::OtherParts;
use crate::Bytes;

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
    let Ok(elf) = Elf::read(file, Path::new("")) else {
        return Vec::new();
    };
    // The tables of lines are not among what is in other files.
    let units = Units::new(&elf, OtherParts::default());
    let mut found = BTreeSet::new();
    for unit in units.all() {
        let Some(program) = &unit.unit.line_program else {
            continue;
        };
        add_files(&units, unit, program.header(), &mut found);
        if found.len() >= MOST {
            break;
        }
    }
    found.into_iter().take(MOST).collect()
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

fn add_files(
    units: &Units,
    unit: &Unit,
    header: &LineProgramHeader<Bytes>,
    found: &mut BTreeSet<(Vec<u8>, Vec<u8>)>,
) {
    let text = |value: AttributeValue<Bytes>| {
        let string = units.dwarf().attr_string(&unit.unit, value).ok()?;
        Some(string.to_slice().ok()?.into_owned())
    };
    let compiled_in = unit.unit.comp_dir.as_ref();
    let compiled_in = compiled_in
        .and_then(|directory| Some(directory.to_slice().ok()?.into_owned()))
        .unwrap_or_default();
    for file in header.file_names() {
        let Some(name) = text(file.path_name()) else {
            continue;
        };
        let directory = file.directory(header).and_then(text).unwrap_or_default();
        let path = joined(&joined(&compiled_in, &directory), &name);
        found.insert((compiled_in.clone(), path));
        if found.len() >= MOST {
            return;
        }
    }
}

/// A path below a directory, unless it is absolute itself.
fn joined(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if directory.is_empty() || path.starts_with(b"/") {
        return path.to_vec();
    }
    if path.is_empty() {
        return directory.to_vec();
    }
    [directory, b"/", path].concat()
}
