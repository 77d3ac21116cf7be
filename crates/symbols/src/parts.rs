//! Debug information that is not in the file itself: split off by the compiler (`.dwo`, or all of them in a `.dwp`), or
//! moved by dwz to a file that several share.
//!
//! What the file names may lie anywhere, and the file may be somebody else's: only regular files are opened, and taken only
//! when they say that they are the part that is meant.

use std::path::{Path, PathBuf};

use gimli::Reader;
use reenact_files::open_regular;

use crate::elf::Elf;
use crate::Bytes;

/// Files of one program that are read at most.
pub(crate) const MOST_SPLIT: usize = 1 << 14;
/// Larger ones are passed over.
const MOST_BYTES: u64 = 4 << 30;

/// The other files of a program's debug information; by default none is looked for.
#[derive(Default)]
pub(crate) struct OtherParts {
    package: Option<gimli::DwarfPackage<Bytes>>,
    supplement: Option<Elf>,
    /// Name of one that is not there.
    missing: Option<String>,
    /// Whether files of single units are looked for.
    is_looked_for: bool,
}

impl OtherParts {
    /// Those of a file that was at `original`; `source` is the one with its debug information, at `path`.
    pub fn of(source: &Elf, path: &Path, original: &Path, directories: &[PathBuf]) -> OtherParts {
        let supplement = find_supplement(source, path, directories);
        let missing = match (&source.alternative, &supplement) {
            (Some((name, _)), None) => Some(String::from_utf8_lossy(name).into_owned()),
            _ => None,
        };
        OtherParts {
            package: find_package(path).or_else(|| find_package(original)),
            supplement,
            missing,
            is_looked_for: true,
        }
    }

    /// Sections of the file that several programs share.
    pub fn supplement(&self) -> Option<gimli::Dwarf<Bytes>> {
        self.supplement.as_ref().map(|elf| sections(elf, ""))
    }

    pub fn missing_supplement(&self) -> Option<String> {
        self.missing.clone()
    }

    /// Sections of a split unit.
    pub fn split(
        &self,
        main: &gimli::Dwarf<Bytes>,
        skeleton: &gimli::Unit<Bytes>,
        identity: gimli::DwoId,
    ) -> Option<gimli::Dwarf<Bytes>> {
        let packed = self
            .package
            .as_ref()
            .and_then(|package| package.find_cu(identity, main).ok());
        if let Some(Some(dwarf)) = packed {
            return Some(dwarf);
        }
        if !self.is_looked_for {
            return None;
        }
        let name = skeleton.dwo_name().ok().flatten()?;
        let name = main.attr_string(skeleton, name).ok()?;
        let path = path_of(skeleton.comp_dir.as_ref(), &name)?;
        let elf = Elf::read(open_regular(&path, MOST_BYTES).ok()?, &path).ok()?;
        let mut dwarf = sections(&elf, ".dwo");
        dwarf.make_dwo(main);
        is_of(&dwarf, identity).then_some(dwarf)
    }

    /// Sections of each type that has a unit of its own in the package.
    pub fn packed_types(&self, main: &gimli::Dwarf<Bytes>) -> Vec<gimli::Dwarf<Bytes>> {
        let Some(package) = &self.package else {
            return Vec::new();
        };
        (1..=package.tu_index.unit_count())
            .take(MOST_SPLIT)
            .filter_map(|number| package.tu_sections(number, main).ok())
            .collect()
    }
}

/// The sections of debug information of a file; `suffix`: `.dwo` of split ones.
pub(crate) fn sections(elf: &Elf, suffix: &str) -> gimli::Dwarf<Bytes> {
    let load = |id: gimli::SectionId| {
        let name = if suffix.is_empty() {
            Some(id.name())
        } else {
            id.dwo_name()
        };
        Ok::<_, std::convert::Infallible>(elf.section(name.unwrap_or("")))
    };
    match gimli::Dwarf::load(load) {
        Ok(dwarf) => dwarf,
        Err(never) => match never {},
    }
}

/// Whether a unit has nothing of its own but where the rest is.
pub(crate) fn is_skeleton(unit: &gimli::Unit<Bytes>) -> bool {
    unit.dwo_name().ok().flatten().is_some()
}

/// The name of the file with the rest of a unit.
pub(crate) fn split_name(main: &gimli::Dwarf<Bytes>, skeleton: &gimli::Unit<Bytes>) -> String {
    let name = skeleton.dwo_name().ok().flatten();
    let name = name.and_then(|name| main.attr_string(skeleton, name).ok());
    name.map_or_else(String::new, |name| {
        String::from_utf8_lossy(name.bytes()).into_owned()
    })
}

fn find_package(original: &Path) -> Option<gimli::DwarfPackage<Bytes>> {
    let mut path = original.as_os_str().to_owned();
    path.push(".dwp");
    let path = PathBuf::from(path);
    let elf = Elf::read(open_regular(&path, MOST_BYTES).ok()?, &path).ok()?;
    let load = |id: gimli::SectionId| {
        let name = id.dwo_name().unwrap_or("");
        Ok::<_, gimli::Error>(elf.section(name))
    };
    gimli::DwarfPackage::load(load, elf.section("")).ok()
}

fn find_supplement(source: &Elf, path: &Path, directories: &[PathBuf]) -> Option<Elf> {
    let (name, identity) = source.alternative.as_ref()?;
    let mut places = Vec::new();
    if let Some((first, rest)) = identity.split_first() {
        let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        for directory in directories {
            places.push(directory.join(format!(".build-id/{first:02x}/{rest}.debug")));
        }
    }
    let name = Path::new(std::str::from_utf8(name).ok()?);
    places.extend(path.parent().map(|beside| beside.join(name)));
    places.into_iter().find_map(|place| {
        let elf = Elf::read(open_regular(&place, MOST_BYTES).ok()?, &place).ok()?;
        (elf.build_id.as_ref() == Some(identity)).then_some(elf)
    })
}

fn path_of(directory: Option<&Bytes>, name: &Bytes) -> Option<PathBuf> {
    let name = name.to_slice().ok()?;
    let name = PathBuf::from(std::str::from_utf8(&name).ok()?);
    let Some(directory) = directory.filter(|_| name.is_relative()) else {
        return name.is_absolute().then_some(name);
    };
    let directory = directory.to_slice().ok()?;
    Some(Path::new(std::str::from_utf8(&directory).ok()?).join(name))
}

/// Whether the unit in a file is the one that is meant.
fn is_of(dwarf: &gimli::Dwarf<Bytes>, identity: gimli::DwoId) -> bool {
    let mut headers = dwarf.units();
    while let Ok(Some(header)) = headers.next() {
        if dwarf
            .unit(header)
            .is_ok_and(|unit| unit.dwo_id == Some(identity))
        {
            return true;
        }
    }
    false
}
