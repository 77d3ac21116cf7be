//! Functions by name, as their source has it: compiled on their own, in a changed copy, or inlined.

use gimli::AttributeValue;

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::names::NamedKind;
use crate::Error;

/// Pieces of one function that are looked at: no compiler makes so many.
const MOST_RANGES: usize = 4096;

/// Code of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCode {
    /// Its first instruction.
    pub address: u64,
    /// Bytes from there on that are its own in a row.
    pub size: u64,
    /// A copy in the middle of another function.
    pub is_inlined: bool,
    /// Its name with all that is around it.
    pub name: String,
    /// Where it is described.
    pub entry: u64,
    /// Number of its unit ([`Module::unit_at`]).
    pub unit: u64,
    /// What its unit is made of.
    pub source: Option<String>,
    /// Other files of the program can mean it.
    pub is_external: bool,
    /// Parts of its name that were left out.
    pub missing: u32,
}

impl Module {
    /// All code of the functions of a name, by debug information: of what the compiler has made of each (`f.constprop.0`,
    /// `f.isra.0`), and of each place that it was inlined in.
    ///
    /// `name`: as in the source, alone or with what is around it (`a::b`), without parameters; arguments of templates may be left out.
    pub fn functions_named(&self, name: &str) -> Result<Vec<FunctionCode>, Error> {
        let names = self.names();
        let mut found: Vec<FunctionCode> = names
            .find(&self.units, name, NamedKind::Function)
            .into_iter()
            .filter(|one| has_code(&one.entry))
            .filter_map(|one| {
                let is_inlined = one.entry.tag() == gimli::DW_TAG_inlined_subroutine;
                let code = first_code(one.unit, &one.entry, is_inlined)?;
                Some(FunctionCode {
                    name: one.name,
                    entry: one.number,
                    unit: one.unit.number(),
                    source: one.unit.source(),
                    is_external: self
                        .units
                        .attribute(one.unit, &one.entry, gimli::DW_AT_external)
                        .is_some(),
                    missing: one.missing,
                    ..code
                })
            })
            .collect();
        found.sort_by_key(|code| (code.address, code.is_inlined));
        found.dedup_by_key(|code| code.address);
        Ok(found)
    }

    /// The number of the unit that the code at an address belongs to.
    pub fn unit_at(&self, address: u64) -> Option<u64> {
        self.units.at(address).map(Unit::number)
    }

    /// Names of the namespaces and classes that the function of an entry is inside of, outermost first.
    pub fn surroundings(&self, function: u64) -> Vec<String> {
        let path = self.names().path_of(&self.units, function);
        let mut path = path.unwrap_or_default();
        path.pop();
        path.into_iter().map(|part| part.name).collect()
    }
}

fn has_code(entry: &Entry) -> bool {
    entry.has_attr(gimli::DW_AT_low_pc) || entry.has_attr(gimli::DW_AT_ranges)
}

/// Where the code of an entry begins. What is seldom executed may have been moved elsewhere, before or behind.
fn first_code(unit: &Unit, entry: &Entry, is_inlined: bool) -> Option<FunctionCode> {
    let mut ranges = unit.dwarf.die_ranges(&unit.unit, entry).ok()?;
    let mut all = Vec::new();
    while let Ok(Some(range)) = ranges.next() {
        if range.begin < range.end {
            all.push(range);
        }
        if all.len() == MOST_RANGES {
            break;
        }
    }
    let first = all.first()?.begin;
    let entered = match entry.attr_value(gimli::DW_AT_entry_pc) {
        Some(AttributeValue::Addr(address)) => address,
        Some(value) => match (value.udata_value(), &value) {
            // An offset from where the code begins.
            (Some(offset), _) => first.wrapping_add(offset),
            (None, _) => {
                let address = unit.dwarf.attr_address(&unit.unit, value).ok().flatten();
                address.unwrap_or(first)
            }
        },
        None => first,
    };
    let around = all
        .iter()
        .find(|range| range.begin <= entered && entered < range.end)?;
    Some(FunctionCode {
        address: entered,
        size: around.end - entered,
        is_inlined,
        name: String::new(),
        entry: 0,
        unit: 0,
        source: None,
        is_external: false,
        missing: 0,
    })
}
