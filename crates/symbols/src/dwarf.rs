//! Compilation units, read when they are first asked for, and following references between entries.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DebuggingInformationEntry, UnitOffset};

use crate::elf::Elf;
use crate::parts::{self, OtherParts};
use crate::{Bytes, Error};

pub(crate) type Entry = DebuggingInformationEntry<Bytes>;

/// How often a reference to another entry is followed: damaged ones may form a circle.
const LONGEST_CHAIN: usize = 8;

/// Ranges of code that are kept of one unit, and of all: thousands of entries may have the same long
/// list as theirs.
const MOST_RANGES: usize = 1 << 22;

/// One unit: of a compilation, or of a type.
pub(crate) struct Unit {
    /// Where the entries are: of split debug information in a file of its own.
    pub unit: gimli::Unit<Bytes>,
    /// The sections that belong to it.
    pub dwarf: Arc<gimli::Dwarf<Bytes>>,
    /// What is left of it in the program's file, with the table of lines.
    skeleton: Option<gimli::Unit<Bytes>>,
    /// Number of its first byte; entries are numbered from there on.
    start: u64,
    /// Number of the first byte of the `.debug_info` it belongs to.
    info_start: u64,
    functions: OnceLock<Vec<FunctionRange>>,
    has_location_lists: OnceLock<bool>,
}

/// A range of addresses of a function.
#[derive(Clone, Copy)]
pub(crate) struct FunctionRange {
    pub begin: u64,
    pub end: u64,
    pub entry: UnitOffset,
}

/// Numbers of entries of different sections and files lie so far apart.
const SECTION: u64 = 1 << 48;

/// All units of a file, and of the files that its debug information is spread over.
pub(crate) struct Units {
    dwarf: Arc<gimli::Dwarf<Bytes>>,
    parts: OtherParts,
    units: OnceLock<Found>,
    ranges: OnceLock<Vec<(u64, u64, usize)>>,
    is_empty: bool,
}

/// What was found when it was first looked for.
struct Found {
    units: Vec<Unit>,
    /// Types that have a unit of their own: number of the entry.
    signatures: HashMap<u64, u64>,
    /// By the identity of a split unit.
    split: HashMap<u64, Arc<gimli::Dwarf<Bytes>>>,
    /// Number of the first byte of the supplementary file.
    supplement: Option<u64>,
    /// Why something is not there.
    missing: Option<String>,
}

impl Units {
    pub fn new(elf: &Elf, parts: OtherParts) -> Units {
        let mut dwarf = parts::sections(elf, "");
        if let Some(supplement) = parts.supplement() {
            dwarf.set_sup(supplement);
        }
        Units {
            dwarf: Arc::new(dwarf),
            parts,
            units: OnceLock::new(),
            ranges: OnceLock::new(),
            is_empty: !elf.has_dwarf,
        }
    }

    pub fn dwarf(&self) -> &Arc<gimli::Dwarf<Bytes>> {
        &self.dwarf
    }

    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// All units; those that cannot be read are left out.
    pub fn all(&self) -> &[Unit] {
        &self.found().units
    }

    /// A part of the debug information that is in a file which is not there.
    pub fn missing(&self) -> Option<&str> {
        self.found().missing.as_deref()
    }

    /// The sections of a split unit.
    pub fn split(&self, identity: gimli::DwoId) -> Option<Arc<gimli::Dwarf<Bytes>>> {
        self.found().split.get(&identity.0).cloned()
    }

    fn found(&self) -> &Found {
        self.units.get_or_init(|| self.find())
    }

    fn find(&self) -> Found {
        let mut found = Found {
            units: Vec::new(),
            signatures: HashMap::new(),
            split: HashMap::new(),
            supplement: None,
            missing: self.parts.missing_supplement(),
        };
        let skeletons = found.add(&self.dwarf, 0, None);
        let mut next = 2 * SECTION;
        if let Some(supplement) = self.parts.supplement() {
            let supplement = Arc::new(supplement);
            found.supplement = Some(next);
            found.add(&supplement, next, None);
            next += 2 * SECTION;
        }
        for skeleton in skeletons.into_iter().take(parts::MOST_SPLIT) {
            let Some(identity) = skeleton.dwo_id else {
                continue;
            };
            match self.parts.split(&self.dwarf, &skeleton, identity) {
                Some(dwarf) => {
                    let dwarf = Arc::new(dwarf);
                    found.split.insert(identity.0, dwarf.clone());
                    found.add(&dwarf, next, Some(skeleton));
                    next += 2 * SECTION;
                }
                None => {
                    let name = parts::split_name(&self.dwarf, &skeleton);
                    found.missing.get_or_insert(name);
                    // Its lines are known at least.
                    let place = skeleton.header.debug_info_offset();
                    let start = place.map_or(0, |offset| offset.0 as u64);
                    found
                        .units
                        .push(Unit::new(skeleton, self.dwarf.clone(), None, start, 0));
                }
            }
        }
        for dwarf in self.parts.packed_types(&self.dwarf) {
            found.add(&Arc::new(dwarf), next, None);
            next += 2 * SECTION;
        }
        found.units.sort_by_key(|unit| unit.start);
        found
    }

    /// The unit whose code an address belongs to.
    pub fn at(&self, address: u64) -> Option<&Unit> {
        let ranges = self.ranges.get_or_init(|| {
            let mut ranges = Vec::new();
            for (index, unit) in self.all().iter().enumerate() {
                let Ok(mut of_unit) = unit.ranges(&self.dwarf) else {
                    continue;
                };
                while let Ok(Some(range)) = of_unit.next() {
                    if ranges.len() == MOST_RANGES {
                        break;
                    }
                    ranges.push((range.begin, range.end, index));
                }
            }
            ranges.sort_unstable();
            ranges
        });
        let end = ranges.partition_point(|(begin, _, _)| *begin <= address);
        let (_, _, index) = ranges[..end]
            .iter()
            .rev()
            .take(64)
            .find(|(_, end, _)| address < *end)?;
        self.all().get(*index)
    }

    /// The unit with the entry of a number, and the offset in the unit.
    pub fn locate(&self, number: u64) -> Result<(&Unit, UnitOffset), Error> {
        let units = self.all();
        let end = units.partition_point(|unit| unit.start <= number);
        let unit = units[..end].last().ok_or(Error::NoEntry(number))?;
        let inside = usize::try_from(number - unit.start).map_err(|_| Error::NoEntry(number))?;
        if inside >= unit.unit.header.length_including_self() {
            return Err(Error::NoEntry(number));
        }
        Ok((unit, UnitOffset(inside)))
    }

    /// Ranges of the functions of a unit that have code.
    pub fn functions<'a>(&self, unit: &'a Unit) -> &'a [FunctionRange] {
        unit.functions.get_or_init(|| {
            let mut found = Vec::new();
            let mut entries = unit.unit.entries();
            while let Ok(Some(entry)) = entries.next_dfs() {
                if entry.tag() != gimli::DW_TAG_subprogram {
                    continue;
                }
                let Ok(mut ranges) = unit.dwarf.die_ranges(&unit.unit, entry) else {
                    continue;
                };
                while let Ok(Some(range)) = ranges.next() {
                    if found.len() == MOST_RANGES {
                        return found;
                    }
                    found.push(FunctionRange {
                        begin: range.begin,
                        end: range.end,
                        entry: entry.offset(),
                    });
                }
            }
            found
        })
    }

    /// Whether places of variables depend on the address in the code of a unit: it was optimized,
    /// and parameters are known from the first instruction on.
    pub fn has_location_lists(&self, unit: &Unit) -> bool {
        *unit.has_location_lists.get_or_init(|| {
            let mut entries = unit.unit.entries();
            while let Ok(Some(entry)) = entries.next_dfs() {
                let is_list = matches!(
                    entry.attr_value(gimli::DW_AT_location),
                    Some(
                        AttributeValue::LocationListsRef(_)
                            | AttributeValue::DebugLocListsIndex(_)
                            | AttributeValue::SecOffset(_)
                    )
                );
                if is_list {
                    return true;
                }
            }
            false
        })
    }

    /// The function whose code an address belongs to.
    pub fn function_at(&self, address: u64) -> Option<(&Unit, FunctionRange)> {
        let unit = self.at(address)?;
        let ranges = self.functions(unit).iter();
        let mut around = ranges.filter(|range| range.begin <= address && address < range.end);
        around.next().map(|range| (unit, *range))
    }

    /// The number of the entry that an attribute of an entry of `unit` refers to.
    pub fn referred(&self, unit: &Unit, value: &AttributeValue<Bytes>) -> Option<u64> {
        match value {
            AttributeValue::UnitRef(offset) => unit.offset(*offset),
            AttributeValue::DebugInfoRef(offset) => unit.info_start.checked_add(offset.0 as u64),
            AttributeValue::DebugInfoRefSup(offset) => {
                self.found().supplement?.checked_add(offset.0 as u64)
            }
            AttributeValue::DebugTypesRef(signature) => {
                self.found().signatures.get(&signature.0).copied()
            }
            _ => None,
        }
    }

    /// Follow a reference from an entry of `unit`.
    pub fn follow<'a>(
        &'a self,
        unit: &Unit,
        value: &AttributeValue<Bytes>,
    ) -> Option<(&'a Unit, Entry)> {
        let (unit, offset) = self.locate(self.referred(unit, value)?).ok()?;
        Some((unit, unit.unit.entry(offset).ok()?))
    }

    /// Where the description is that an entry only declares, when it has a unit of its own.
    pub fn signature(&self, unit: &Unit, entry: &Entry) -> Option<u64> {
        self.referred(unit, &entry.attr_value(gimli::DW_AT_signature)?)
    }

    /// An attribute of an entry, or of the declaration or abstract instance it refers to.
    pub fn attribute<'a>(
        &'a self,
        unit: &'a Unit,
        entry: &Entry,
        name: gimli::DwAt,
    ) -> Option<(&'a Unit, AttributeValue<Bytes>)> {
        let mut unit = unit;
        let mut entry = entry.clone();
        for _ in 0..LONGEST_CHAIN {
            if let Some(value) = entry.attr_value(name) {
                return Some((unit, value));
            }
            let reference = entry
                .attr_value(gimli::DW_AT_abstract_origin)
                .or_else(|| entry.attr_value(gimli::DW_AT_specification))?;
            (unit, entry) = self.follow(unit, &reference)?;
        }
        None
    }

    /// The name of an entry.
    pub fn name(&self, unit: &Unit, entry: &Entry) -> Option<String> {
        self.text(unit, entry, gimli::DW_AT_name)
    }

    /// What becomes of the name of an entry, without a copy of it where it is plain text.
    pub fn name_with<T>(
        &self,
        unit: &Unit,
        entry: &Entry,
        make: impl FnOnce(&str) -> T,
    ) -> Option<T> {
        let (unit, value) = self.attribute(unit, entry, gimli::DW_AT_name)?;
        let bytes = unit.dwarf.attr_string(&unit.unit, value).ok()?;
        Some(make(&String::from_utf8_lossy(bytes.bytes())))
    }

    /// An attribute that is a text.
    pub fn text(&self, unit: &Unit, entry: &Entry, name: gimli::DwAt) -> Option<String> {
        let (unit, value) = self.attribute(unit, entry, name)?;
        let bytes = unit.dwarf.attr_string(&unit.unit, value).ok()?;
        Some(String::from_utf8_lossy(bytes.bytes()).into_owned())
    }

    /// The name that the linker knows; before DWARF 4 it was an extension.
    pub fn linkage_name(&self, unit: &Unit, entry: &Entry) -> Option<String> {
        self.text(unit, entry, gimli::DW_AT_linkage_name)
            .or_else(|| self.text(unit, entry, gimli::DW_AT_MIPS_linkage_name))
    }

    /// The number of the entry of an entry's type; None: it has none (`void`).
    pub fn type_of(&self, unit: &Unit, entry: &Entry) -> Option<u64> {
        let (unit, value) = self.attribute(unit, entry, gimli::DW_AT_type)?;
        self.referred(unit, &value)
    }
}

impl Found {
    /// Add the units of some sections, whose entries have numbers from `start` on; those of which the rest
    /// is elsewhere are given back. `skeleton`: what the program's file has of them.
    fn add(
        &mut self,
        dwarf: &Arc<gimli::Dwarf<Bytes>>,
        start: u64,
        skeleton: Option<gimli::Unit<Bytes>>,
    ) -> Vec<gimli::Unit<Bytes>> {
        let mut elsewhere = Vec::new();
        let mut headers = Vec::new();
        let mut info = dwarf.units();
        while let Ok(Some(header)) = info.next() {
            let place = header.debug_info_offset().map_or(0, |offset| offset.0);
            headers.push((start + place as u64, header));
        }
        let mut types = dwarf.type_units();
        while let Ok(Some(header)) = types.next() {
            let place = header.debug_types_offset().map_or(0, |offset| offset.0);
            headers.push((start + SECTION + place as u64, header));
        }
        let mut skeleton = skeleton;
        for (place, header) in headers {
            let kind = header.type_();
            let Ok(mut unit) = dwarf.unit(header) else {
                continue;
            };
            if let gimli::UnitType::Type {
                type_signature,
                type_offset,
            }
            | gimli::UnitType::SplitType {
                type_signature,
                type_offset,
            } = kind
            {
                let number = place + type_offset.0 as u64;
                self.signatures.entry(type_signature.0).or_insert(number);
            }
            let is_split = matches!(kind, gimli::UnitType::SplitCompilation(_))
                || skeleton.is_some() && unit.dwo_id.is_some();
            if unit.dwo_id.is_some() && !is_split && parts::is_skeleton(&unit) {
                elsewhere.push(unit);
                continue;
            }
            if let Some(skeleton) = skeleton
                .as_ref()
                .filter(|_| is_split || unit.dwo_id.is_none())
            {
                unit.copy_relocated_attributes(skeleton);
            }
            let skeleton = if is_split { skeleton.take() } else { None };
            self.units
                .push(Unit::new(unit, dwarf.clone(), skeleton, place, start));
        }
        elsewhere
    }
}

impl Unit {
    fn new(
        unit: gimli::Unit<Bytes>,
        dwarf: Arc<gimli::Dwarf<Bytes>>,
        skeleton: Option<gimli::Unit<Bytes>>,
        start: u64,
        info_start: u64,
    ) -> Unit {
        Unit {
            unit,
            dwarf,
            skeleton,
            start,
            info_start,
            functions: OnceLock::new(),
            has_location_lists: OnceLock::new(),
        }
    }

    /// The number of its first byte: no other unit has it.
    pub fn number(&self) -> u64 {
        self.start
    }

    /// The path of the source it is made of.
    pub fn source(&self) -> Option<String> {
        let name = self.unit.name.as_ref()?;
        Some(String::from_utf8_lossy(name.bytes()).into_owned())
    }

    /// The number of an entry of this unit.
    pub fn offset(&self, entry: UnitOffset) -> Option<u64> {
        self.start.checked_add(entry.0 as u64)
    }

    /// What has the table of lines: the unit, and the sections its texts are in.
    pub fn line_table<'a>(
        &'a self,
        main: &'a gimli::Dwarf<Bytes>,
    ) -> (&'a gimli::Unit<Bytes>, &'a gimli::Dwarf<Bytes>) {
        match &self.skeleton {
            Some(skeleton) => (skeleton, main),
            None => (&self.unit, &self.dwarf),
        }
    }

    /// Its code.
    fn ranges(&self, main: &gimli::Dwarf<Bytes>) -> gimli::Result<gimli::RangeIter<Bytes>> {
        let (unit, dwarf) = self.line_table(main);
        dwarf.unit_ranges(unit)
    }
}
