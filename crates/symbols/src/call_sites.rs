//! What a caller's debug information says of the arguments of a call: values that the function called has lost.

use gimli::{AttributeValue, Operation};

use crate::dwarf::{Entry, Unit};
use crate::location::{Context, Surroundings};
use crate::module::Module;
use crate::Error;

/// The function that a call leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallTarget {
    /// Its first instruction, as an address of the file.
    Address(u64),
    /// The linker's name of it.
    Name(String),
}

/// The value of a register when a function was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallParameter {
    pub value: u64,
    /// Which function the caller meant; None: not told.
    pub target: Option<CallTarget>,
}

impl Module {
    /// What a register had in it when the call before `return_address` (of the file) was made.
    ///
    /// `context`: of the frame of the caller. None: the caller's debug information does not say.
    pub fn call_parameter(
        &self,
        return_address: u64,
        register: u16,
        context: &Context<'_>,
    ) -> Result<Option<CallParameter>, Error> {
        let inside = return_address.wrapping_sub(1);
        let Some((unit, range)) = self.units.function_at(inside) else {
            return Ok(None);
        };
        let function = unit.unit.entry(range.entry)?;
        let around = Surroundings {
            module: self,
            unit,
            function: Some(&function),
            address: inside,
        };
        let mut entries = unit.unit.entries_at_offset(range.entry)?;
        let mut first_depth = None;
        while let Some(entry) = entries.next_dfs()? {
            let outermost = *first_depth.get_or_insert(entry.depth());
            if entry.depth() <= outermost && entry.offset() != range.entry {
                break;
            }
            if !is_call(entry) || returns_to(unit, entry) != Some(return_address) {
                continue;
            }
            let site = entry.clone();
            let mut tree = unit.unit.entries_tree(Some(site.offset()))?;
            let mut children = tree.root()?.children();
            while let Some(child) = children.next()? {
                if !is_parameter(child.entry(), register, unit) {
                    continue;
                }
                let value = first_of(
                    child.entry(),
                    &[gimli::DW_AT_call_value, gimli::DW_AT_GNU_call_site_value],
                );
                let Some(AttributeValue::Exprloc(expression)) = value else {
                    return Ok(None);
                };
                return Ok(Some(CallParameter {
                    value: around.number(expression, context)?,
                    target: self.target(&around, &site, context)?,
                }));
            }
            return Ok(None);
        }
        Ok(None)
    }

    fn target(
        &self,
        around: &Surroundings<'_>,
        site: &Entry,
        context: &Context<'_>,
    ) -> Result<Option<CallTarget>, Error> {
        let unit = around.unit;
        let origin = first_of(
            site,
            &[gimli::DW_AT_call_origin, gimli::DW_AT_abstract_origin],
        );
        if let Some((unit, entry)) = origin.and_then(|value| self.units.follow(unit, &value)) {
            if let Ok(Some(range)) = unit
                .dwarf
                .die_ranges(&unit.unit, &entry)
                .and_then(|mut ranges| ranges.next())
            {
                return Ok(Some(CallTarget::Address(range.begin)));
            }
            let name = self.units.linkage_name(unit, &entry);
            let name = name.or_else(|| self.units.name(unit, &entry));
            return Ok(name.map(CallTarget::Name));
        }
        let target = first_of(
            site,
            &[gimli::DW_AT_call_target, gimli::DW_AT_GNU_call_site_target],
        );
        let Some(AttributeValue::Exprloc(expression)) = target else {
            return Ok(None);
        };
        let address = around.number(expression, context)?;
        Ok(Some(CallTarget::Address(
            address.wrapping_sub(context.bias),
        )))
    }
}

fn is_call(entry: &Entry) -> bool {
    matches!(
        entry.tag(),
        gimli::DW_TAG_call_site | gimli::DW_TAG_GNU_call_site
    )
}

/// The address behind the instruction that calls.
fn returns_to(unit: &Unit, entry: &Entry) -> Option<u64> {
    let value = first_of(entry, &[gimli::DW_AT_call_return_pc, gimli::DW_AT_low_pc])?;
    unit.dwarf.attr_address(&unit.unit, value).ok().flatten()
}

fn is_parameter(entry: &Entry, register: u16, unit: &Unit) -> bool {
    let is_one = matches!(
        entry.tag(),
        gimli::DW_TAG_call_site_parameter | gimli::DW_TAG_GNU_call_site_parameter
    );
    let Some(AttributeValue::Exprloc(place)) = entry.attr_value(gimli::DW_AT_location) else {
        return false;
    };
    let mut operations = place.operations(unit.unit.encoding());
    is_one
        && matches!(operations.next(), Ok(Some(Operation::Register { register: own })) if own.0 == register)
}

fn first_of(entry: &Entry, names: &[gimli::DwAt]) -> Option<AttributeValue<crate::Bytes>> {
    names.iter().find_map(|name| entry.attr_value(*name))
}
