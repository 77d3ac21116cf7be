//! A file with its debug information.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use reenact_files::open_regular;

use crate::call_frames::CallFrames;
use crate::dwarf::Units;
use crate::elf::{Elf, Segment};
use crate::lookup::Lookup;
use crate::names::Names;
use crate::parts::OtherParts;
use crate::symbol::{Symbol, Symbols};
use crate::Error;

/// Separate files of debug information that are larger are passed over.
const MOST_BYTES: u64 = 16 << 30;

/// One ELF file and, where there is one, the separate file of its debug information.
pub struct Module {
    debug_path: Option<PathBuf>,
    build_id: Option<Vec<u8>>,
    segments: Vec<Segment>,
    thread_local: Option<(u64, u64)>,
    pub(crate) symbols: Symbols,
    pub(crate) call_frames: CallFrames,
    pub(crate) units: Units,
    pub(crate) lookup: Lookup,
    names: OnceLock<Names>,
}

impl Module {
    /// Read an open file; `name` is what errors call it.
    ///
    /// `original` is where it was on the machine that ran it: debug information may lie beside
    /// it. `directories` are roots such as `/usr/lib/debug`.
    pub fn read(
        file: File,
        name: &Path,
        original: &Path,
        directories: &[PathBuf],
    ) -> Result<Module, Error> {
        let elf = Elf::read(file, name)?;
        let separate = if elf.has_dwarf {
            None
        } else {
            separate(&elf, original, directories)
        };
        let mut symbols = elf.symbols.clone();
        let mut source = &elf;
        if let Some((_, debug)) = &separate {
            symbols.extend(debug.symbols.iter().cloned());
            source = debug;
        }
        let debug_path = separate
            .as_ref()
            .map_or(original, |(path, _)| path.as_path());
        let parts = OtherParts::of(source, debug_path, original, directories);
        let units = Units::new(source, parts);
        Ok(Module {
            build_id: elf.build_id.clone(),
            segments: elf.segments.clone(),
            thread_local: elf.thread_local,
            symbols: Symbols::new(symbols),
            call_frames: CallFrames::new(&elf, source),
            lookup: Lookup::new(units.dwarf()),
            units,
            names: OnceLock::new(),
            debug_path: separate.map(|(path, _)| path),
        })
    }

    /// The index of names, which is made when it is first wanted.
    pub(crate) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(&self.units))
    }

    /// The separate file of debug information that is used.
    pub fn debug_path(&self) -> Option<&Path> {
        self.debug_path.as_deref()
    }

    /// The build id.
    pub fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// Whether there is debug information with lines, variables and types.
    pub fn has_debug_information(&self) -> bool {
        !self.units.is_empty()
    }

    /// A file with a part of the debug information that is not there.
    pub fn missing_part(&self) -> Option<&str> {
        self.units.missing()
    }

    /// Addresses of the byte at an offset of the file, where it is loaded: two, when the page it
    /// is on belongs to the end of one segment and to the beginning of another.
    pub fn addresses_of_offset(&self, offset: u64) -> Vec<u64> {
        let loaded = self.segments.iter().filter_map(|segment| {
            // The kernel maps whole pages: what lies on the first one before the segment, too.
            let before = segment.offset % 4096;
            let start = segment.offset - before;
            let inside = offset.checked_sub(start)?;
            (inside < segment.file_size.checked_add(before)?)
                .then(|| segment.address.wrapping_sub(before).wrapping_add(inside))
        });
        loaded.collect()
    }

    /// Lowest and one past the highest address of what is loaded.
    pub fn address_range(&self) -> Option<(u64, u64)> {
        let low = self.segments.iter().map(|segment| segment.address).min()?;
        let ends = self.segments.iter();
        let high = ends.map(|segment| segment.address.saturating_add(segment.size));
        Some((low, high.max()?))
    }

    /// Size and alignment of the block of thread-local variables, bytes.
    pub fn thread_local(&self) -> Option<(u64, u64)> {
        self.thread_local
    }

    /// The symbol an address lies in.
    pub fn symbol_at(&self, address: u64) -> Option<&Symbol> {
        self.symbols.at(address)
    }

    /// Symbols of a name: mangled, demangled, or demangled without parameters.
    pub fn symbols_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Symbol> {
        self.symbols.named(name)
    }
}

fn separate(elf: &Elf, original: &Path, directories: &[PathBuf]) -> Option<(PathBuf, Elf)> {
    elf.debug_candidates(original, directories)
        .into_iter()
        .find_map(|path| {
            let open = || open_regular(&path, MOST_BYTES);
            let debug = Elf::read(open().ok()?, &path).ok()?;
            let is_it = debug.has_dwarf && elf.matches(&debug, || open().ok());
            is_it.then_some((path, debug))
        })
}
