//! Reading an ELF file, and finding the file with its debug information.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::read::elf::ProgramHeader;
use object::read::ReadCache;
use object::{CompressedData, Object, ObjectSection, ObjectSegment, ObjectSymbol};

use crate::symbol::Symbol;
use crate::{Bytes, Error};

/// A part of the file that is mapped when the program is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub offset: u64,
    pub file_size: u64,
    pub address: u64,
    pub size: u64,
}

/// What is wanted of one ELF file, read once.
pub(crate) struct Elf {
    pub segments: Vec<Segment>,
    pub symbols: Vec<Symbol>,
    pub build_id: Option<Vec<u8>>,
    /// Name and checksum of `.gnu_debuglink`.
    debug_link: Option<(Vec<u8>, u32)>,
    /// Name and build id of the file that `.gnu_debugaltlink` names.
    pub alternative: Option<(Vec<u8>, Vec<u8>)>,
    pub has_dwarf: bool,
    /// Size and alignment of the thread-local variables.
    pub thread_local: Option<(u64, u64)>,
    /// Addresses of sections that call frame information counts from.
    pub bases: gimli::BaseAddresses,
    sections: Sections,
}

/// Contents of sections by their names.
type Sections = Vec<(&'static str, Arc<[u8]>)>;

/// Sections of call frame information besides those of DWARF.
const CALL_FRAME_SECTIONS: [&str; 3] = [".eh_frame", ".eh_frame_hdr", ".debug_frame"];

/// The sections of DWARF that a file has, and nothing else of it: its symbols may be a hundred times as much.
pub(crate) fn read_dwarf(file: File, path: &Path) -> Result<gimli::Dwarf<Bytes>, Error> {
    refuse_hollow(&file, path)?;
    let cache = ReadCache::new(file);
    let elf = object::File::parse(&cache).map_err(|error| Error::Elf(path.to_owned(), error))?;
    let sections = read_sections(&elf, dwarf_sections(), path)?;
    gimli::Dwarf::load(|id| Ok(content(&sections, id.name())))
}

fn refuse_hollow(file: &File, path: &Path) -> Result<Metadata, Error> {
    let status = file.metadata();
    let status = status.map_err(|error| Error::Io(path.to_owned(), error))?;
    if is_hollow(&status) {
        return Err(Error::Hollow(path.to_owned()));
    }
    Ok(status)
}

fn read_sections<'a>(
    elf: &object::File<'a, &'a ReadCache<File>>,
    names: impl Iterator<Item = &'static str>,
    path: &Path,
) -> Result<Sections, Error> {
    let wrong = |error| Error::Elf(path.to_owned(), error);
    let mut sections = Sections::new();
    for name in names {
        let Some(section) = elf.section_by_name(name) else {
            continue;
        };
        let compressed = section.compressed_data().map_err(wrong)?;
        if is_bomb(compressed.data.len() as u64, &compressed) {
            return Err(Error::TooLarge(path.to_owned(), name));
        }
        // A file that keeps only debug information has the others without content.
        let data = compressed.decompress().map_err(wrong)?;
        sections.push((name, Arc::from(&*data)));
    }
    Ok(sections)
}

fn content(sections: &Sections, name: &str) -> Bytes {
    let found = sections.iter().find(|(known, _)| *known == name);
    let bytes = found.map_or_else(|| Arc::from(&[][..]), |(_, bytes)| bytes.clone());
    Bytes::new(bytes, gimli::LittleEndian)
}

impl Elf {
    /// Read an open file, which errors call `path`. Only the sections that are wanted are read, the
    /// others stay on the disk.
    pub fn read(file: File, path: &Path) -> Result<Elf, Error> {
        let status = refuse_hollow(&file, path)?;
        let cache = ReadCache::new(file);
        let wrong = |error| Error::Elf(path.to_owned(), error);
        let elf = object::File::parse(&cache).map_err(wrong)?;
        let mut bases = gimli::BaseAddresses::default();
        if let Some(section) = elf.section_by_name(".eh_frame") {
            bases = bases.set_eh_frame(section.address());
        }
        if let Some(section) = elf.section_by_name(".eh_frame_hdr") {
            bases = bases.set_eh_frame_hdr(section.address());
        }
        if let Some(section) = elf.section_by_name(".text") {
            bases = bases.set_text(section.address());
        }
        let debug_link = elf.gnu_debuglink().ok().flatten();
        let alternative = elf.gnu_debugaltlink().ok().flatten();
        let names = CALL_FRAME_SECTIONS.into_iter().chain(dwarf_sections());
        let sections = read_sections(&elf, names, path)?;
        Ok(Elf {
            segments: elf.segments().map(segment).collect(),
            symbols: symbols(&elf, status.len()),
            build_id: elf.build_id().ok().flatten().map(<[u8]>::to_vec),
            alternative: alternative.map(|(name, id)| (name.to_vec(), id.to_vec())),
            debug_link: debug_link.map(|(name, checksum)| (name.to_vec(), checksum)),
            has_dwarf: elf.section_by_name(".debug_info").is_some(),
            thread_local: thread_local(&elf),
            bases,
            sections,
        })
    }

    /// The content of a section; empty where there is none.
    pub fn section(&self, name: &str) -> Bytes {
        content(&self.sections, name)
    }

    /// Where the separate file of debug information may be, the best place first.
    ///
    /// The places are those of gdb ("Debugging Information in Separate Files" of its manual):
    /// by build id below each directory, then by name beside the file and below each directory.
    pub fn debug_candidates(&self, original: &Path, directories: &[PathBuf]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if let Some((first, rest)) = self.build_id.as_deref().and_then(<[u8]>::split_first) {
            let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
            for directory in directories {
                found.push(directory.join(format!(".build-id/{first:02x}/{rest}.debug")));
            }
        }
        if let (Some((name, _)), Some(beside)) = (&self.debug_link, original.parent()) {
            // A name only: the file may be somebody else's, and lead anywhere.
            let name = std::str::from_utf8(name).ok();
            if let Some(name) = name.filter(|name| !name.contains('/')) {
                found.push(beside.join(name));
                found.push(beside.join(".debug").join(name));
                for directory in directories {
                    let below = beside.strip_prefix("/").unwrap_or(beside);
                    found.push(directory.join(below).join(name));
                    found.push(directory.join(name));
                }
            }
        }
        found
    }

    /// Whether `other`, which `open` opens, holds the debug information of this very file.
    pub fn matches(&self, other: &Elf, open: impl FnOnce() -> Option<File>) -> bool {
        match (&self.build_id, &other.build_id) {
            (Some(own), Some(its)) => own == its,
            _ => self.debug_link.as_ref().is_some_and(|(_, checksum)| {
                open().and_then(|file| crc32(file).ok()) == Some(*checksum)
            }),
        }
    }
}

/// Sections of debug information, of split ones, and those that find one of them in a package.
fn dwarf_sections() -> impl Iterator<Item = &'static str> {
    use gimli::SectionId::*;
    const ALL: [gimli::SectionId; 13] = [
        DebugAbbrev,
        DebugAddr,
        DebugAranges,
        DebugInfo,
        DebugLine,
        DebugLineStr,
        DebugLoc,
        DebugLocLists,
        DebugRanges,
        DebugRngLists,
        DebugStr,
        DebugStrOffsets,
        DebugTypes,
    ];
    let split = ALL.into_iter().filter_map(|id| id.dwo_name());
    let indexes = [DebugCuIndex, DebugTuIndex].map(|id| id.name());
    ALL.into_iter()
        .map(|id| id.name())
        .chain(split)
        .chain(indexes)
}

/// Size and alignment of what PT_TLS describes.
fn thread_local<'a>(elf: &object::File<'a, &'a ReadCache<File>>) -> Option<(u64, u64)> {
    let object::File::Elf64(file) = elf else {
        return None;
    };
    let endian = object::Endianness::Little;
    let mut headers = file.elf_program_headers().iter();
    let found = headers.find(|header| header.p_type(endian) == object::elf::PT_TLS)?;
    Some((found.p_memsz(endian), found.p_align(endian)))
}

fn segment<'data>(segment: impl ObjectSegment<'data>) -> Segment {
    let (offset, file_size) = segment.file_range();
    Segment {
        offset,
        file_size,
        address: segment.address(),
        size: segment.size(),
    }
}

/// Symbols of a file of `size` bytes. All of their names could be the same bytes of the file: what is
/// longer than the file itself in all is left out.
fn symbols<'data>(elf: &impl Object<'data>, size: u64) -> Vec<Symbol> {
    let mut left = size.saturating_mul(2);
    elf.symbols()
        .chain(elf.dynamic_symbols())
        .filter(|symbol| symbol.is_definition() && symbol.kind() != object::SymbolKind::Tls)
        .filter_map(|symbol| {
            let name = symbol.name().ok().filter(|name| !name.is_empty())?;
            left = left.checked_sub(name.len() as u64)?;
            Some(Symbol {
                address: symbol.address(),
                size: symbol.size(),
                is_function: symbol.kind() == object::SymbolKind::Text,
                is_global: symbol.is_global(),
                name: name.to_owned(),
            })
        })
        .collect()
}

/// The checksum of `.gnu_debuglink`: CRC-32 as in zlib.
fn crc32(mut file: File) -> io::Result<u32> {
    let mut state = crc32fast::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(state.finalize()),
            count => state.update(&buffer[..count]),
        }
    }
}

/// Whether a file is nearly all holes, as none with code or debug information is: its sections would
/// take memory that it takes no disk for.
fn is_hollow(status: &Metadata) -> bool {
    const LARGE: u64 = 64 << 20;
    // File systems that compress make some tenth of a file, but not so little.
    const LEAST_PART: u64 = 64;
    status.len() > LARGE && status.blocks().saturating_mul(512) < status.len() / LEAST_PART
}

/// Whether a compressed section claims to be so large as no compiler's output is.
fn is_bomb(stored: u64, section: &CompressedData<'_>) -> bool {
    const MOST_TIMES: u64 = 256;
    const SMALL: u64 = 1 << 20;
    section.uncompressed_size > stored.saturating_mul(MOST_TIMES).max(SMALL)
}
