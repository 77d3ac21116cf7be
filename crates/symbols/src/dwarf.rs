//! Compilation units, read when they are first asked for, and following references between entries.

use std::sync::{Arc, OnceLock};

use gimli::{AttributeValue, DebugInfoOffset, DebuggingInformationEntry, UnitOffset};

use crate::elf::Elf;
use crate::{Bytes, Error};

pub(crate) type Entry = DebuggingInformationEntry<Bytes>;

/// How often a reference to another entry is followed: damaged ones may form a circle.
const LONGEST_CHAIN: usize = 8;

/// Ranges of code that are kept of one unit, and of all: thousands of entries may have the same long
/// list as theirs.
const MOST_RANGES: usize = 1 << 22;

/// One compilation unit.
pub(crate) struct Unit {
    pub unit: gimli::Unit<Bytes>,
    start: usize,
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

/// All compilation units of a file.
pub(crate) struct Units {
    dwarf: Arc<gimli::Dwarf<Bytes>>,
    units: OnceLock<Vec<Unit>>,
    ranges: OnceLock<Vec<(u64, u64, usize)>>,
    is_empty: bool,
}

impl Units {
    pub fn new(elf: &Elf) -> Units {
        let load = |id: gimli::SectionId| Ok::<_, std::convert::Infallible>(elf.section(id.name()));
        let dwarf = match gimli::Dwarf::load(load) {
            Ok(dwarf) => dwarf,
            Err(never) => match never {},
        };
        Units {
            dwarf: Arc::new(dwarf),
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
        self.units.get_or_init(|| {
            let mut found = Vec::new();
            let mut headers = self.dwarf.units();
            while let Ok(Some(header)) = headers.next() {
                let start = header.debug_info_offset().map_or(0, |offset| offset.0);
                if let Ok(unit) = self.dwarf.unit(header) {
                    found.push(Unit {
                        unit,
                        start,
                        functions: OnceLock::new(),
                        has_location_lists: OnceLock::new(),
                    });
                }
            }
            found
        })
    }

    /// The unit whose code an address belongs to.
    pub fn at(&self, address: u64) -> Option<&Unit> {
        let ranges = self.ranges.get_or_init(|| {
            let mut ranges = Vec::new();
            for (index, unit) in self.all().iter().enumerate() {
                let Ok(mut of_unit) = self.dwarf.unit_ranges(&unit.unit) else {
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

    /// The unit with the entry at an offset of `.debug_info`, and the offset in the unit.
    pub fn locate(&self, offset: u64) -> Result<(&Unit, UnitOffset), Error> {
        let wanted = usize::try_from(offset).map_err(|_| Error::NoEntry(offset))?;
        let units = self.all();
        let end = units.partition_point(|unit| unit.start <= wanted);
        let unit = units[..end].last().ok_or(Error::NoEntry(offset))?;
        let inside = DebugInfoOffset(wanted)
            .to_unit_offset(&unit.unit.header)
            .ok_or(Error::NoEntry(offset))?;
        Ok((unit, inside))
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
                let Ok(mut ranges) = self.dwarf.die_ranges(&unit.unit, entry) else {
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

    /// Follow a reference from an entry of `unit`.
    pub fn follow<'a>(
        &'a self,
        unit: &'a Unit,
        value: &AttributeValue<Bytes>,
    ) -> Option<(&'a Unit, Entry)> {
        let (unit, offset) = match value {
            AttributeValue::UnitRef(offset) => (unit, *offset),
            AttributeValue::DebugInfoRef(offset) => self.locate(offset.0 as u64).ok()?,
            _ => return None,
        };
        Some((unit, unit.unit.entry(offset).ok()?))
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

    /// An attribute that is a text.
    pub fn text(&self, unit: &Unit, entry: &Entry, name: gimli::DwAt) -> Option<String> {
        let (unit, value) = self.attribute(unit, entry, name)?;
        let bytes = self.dwarf.attr_string(&unit.unit, value).ok()?;
        Some(String::from_utf8_lossy(bytes.bytes()).into_owned())
    }

    /// Where the type of an entry is, as an offset of `.debug_info`; None: it has none (`void`).
    pub fn type_of(&self, unit: &Unit, entry: &Entry) -> Option<u64> {
        let (unit, value) = self.attribute(unit, entry, gimli::DW_AT_type)?;
        match value {
            AttributeValue::UnitRef(offset) => unit.offset(offset),
            AttributeValue::DebugInfoRef(offset) => Some(offset.0 as u64),
            _ => None,
        }
    }
}

impl Unit {
    /// The offset of `.debug_info` of an entry of this unit.
    pub fn offset(&self, entry: UnitOffset) -> Option<u64> {
        let offset = entry.to_debug_info_offset(&self.unit.header)?;
        Some(offset.0 as u64)
    }
}
