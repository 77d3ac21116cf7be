//! The name by which programs ask for a shared library.

use std::fs::File;

use object::elf::{FileHeader64, DT_SONAME, DT_STRTAB};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::ReadCache;
use object::Endianness;

/// No library has a longer name.
const LONGEST_NAME: u64 = 256;

/// DT_SONAME of an ELF file; `None` where there is none, or where it is no ELF file as it should be.
///
/// A library is often asked for by a link (`libstdc++.so.6`), while the trace has the file itself
/// (`libstdc++.so.6.0.30`).
pub fn soname(file: File) -> Option<Vec<u8>> {
    let cache = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&cache).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, &cache).ok()?;
    let mut dynamic = segments.iter().filter_map(|segment| {
        let entries = segment.dynamic(endian, &cache).ok()??;
        let value = |tag| {
            let mut found = entries.iter().filter(|entry| entry.tag(endian) == tag);
            Some(found.next()?.val(endian))
        };
        value(DT_STRTAB)?.checked_add(value(DT_SONAME)?)
    });
    let address = dynamic.next()?;
    // The table of strings is found by its address: sections may be stripped.
    let name = segments.iter().find_map(|segment| {
        let inside = address.checked_sub(segment.p_vaddr(endian))?;
        let left = segment.p_filesz(endian).checked_sub(inside)?;
        let is_loaded = segment.p_type(endian) == object::elf::PT_LOAD;
        let offset = segment.p_offset(endian).checked_add(inside)?;
        let length = left.min(LONGEST_NAME);
        is_loaded.then(|| object::ReadRef::read_bytes_at(&cache, offset, length).ok())?
    })?;
    let name = name.split(|&byte| byte == 0).next()?;
    (!name.is_empty()).then(|| name.to_vec())
}
