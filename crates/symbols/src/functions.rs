//! Functions by name, as their source has it: compiled on their own, in a changed copy, or inlined.

use gimli::AttributeValue;

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::Error;

/// Pieces of one function that are looked at: no compiler makes so many.
const MOST_RANGES: usize = 4096;

/// Code of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionCode {
    /// Its first instruction.
    pub address: u64,
    /// Bytes from there on that are its own in a row.
    pub size: u64,
    /// A copy in the middle of another function.
    pub is_inlined: bool,
}

impl Module {
    /// All code of the functions of a name, by debug information: of what the compiler has made of each (`f.constprop.0`,
    /// `f.isra.0`), and of each place that it was inlined in.
    ///
    /// `name`: as in the source, alone or with what is around it (`a::b`), without parameters.
    pub fn functions_named(&self, name: &str) -> Result<Vec<FunctionCode>, Error> {
        let mut found = Vec::new();
        let last = name.rsplit("::").next().unwrap_or(name);
        for unit in self.units.all() {
            let mut entries = unit.unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                let is_inlined = entry.tag() == gimli::DW_TAG_inlined_subroutine;
                if !is_inlined && entry.tag() != gimli::DW_TAG_subprogram || !has_code(entry) {
                    continue;
                }
                if self.units.name(unit, entry).as_deref() != Some(last) {
                    continue;
                }
                if last.len() < name.len() && !self.is_called(unit, entry, name) {
                    continue;
                }
                found.extend(first_code(unit, entry, is_inlined));
            }
        }
        found.sort_by_key(|code| (code.address, code.is_inlined));
        found.dedup_by_key(|code| code.address);
        Ok(found)
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
    })
}
