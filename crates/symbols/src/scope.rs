//! The variables that can be seen from an address.

use gimli::{EntriesTreeNode, UnitOffset};

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::names::NamedKind;
use crate::{Bytes, Error};

/// A variable or parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// Its entry, as an offset of `.debug_info`.
    pub entry: u64,
    /// Its type's entry.
    pub type_entry: Option<u64>,
    pub is_parameter: bool,
}

/// A variable outside of functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    pub variable: Variable,
    /// Other files of the program can mean it; otherwise it belongs to its own.
    pub is_external: bool,
    /// It is of the unit that was asked for.
    pub is_of_unit: bool,
    /// Whether it is anywhere; otherwise it was optimized out.
    pub has_place: bool,
    /// Parts of its name that were left out.
    pub missing: u32,
    /// With all that is around it.
    pub name: String,
    /// The source its unit is made of.
    pub source: Option<String>,
}

/// A function with the variables that are visible at an address; outer blocks come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Not for inlined ones: the entry of the function around them.
    pub function: u64,
    pub name: Option<String>,
    pub variables: Vec<Variable>,
}

impl Module {
    /// Functions around an address, innermost (inlined) first, as [`Module::source_frames`] has
    /// them, with their variables.
    pub fn scopes(&self, address: u64) -> Result<Vec<Scope>, Error> {
        let Some((unit, range)) = self.units.function_at(address) else {
            return Ok(Vec::new());
        };
        let Some(function) = unit.offset(range.entry) else {
            return Ok(Vec::new());
        };
        let mut tree = unit.unit.entries_tree(Some(range.entry))?;
        let root = tree.root()?;
        let mut scopes = vec![Scope {
            function,
            name: self.units.name(unit, root.entry()),
            variables: Vec::new(),
        }];
        self.collect(unit, root, address, &mut scopes)?;
        scopes.reverse();
        Ok(scopes)
    }

    /// The innermost block of code around an address, by the number of its entry.
    pub fn block_at(&self, address: u64) -> Result<Option<u64>, Error> {
        let Some((unit, range)) = self.units.function_at(address) else {
            return Ok(None);
        };
        let mut innermost = range.entry;
        'inner: loop {
            let mut tree = unit.unit.entries_tree(Some(innermost))?;
            let mut children = tree.root()?.children();
            while let Some(child) = children.next()? {
                let entry = child.entry();
                let is_block = matches!(
                    entry.tag(),
                    gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine
                );
                if is_block && self.contains(unit, entry, address) {
                    innermost = entry.offset();
                    continue 'inner;
                }
            }
            return Ok(unit.offset(innermost));
        }
    }

    fn collect(
        &self,
        unit: &Unit,
        node: EntriesTreeNode<'_, '_, Bytes>,
        address: u64,
        scopes: &mut Vec<Scope>,
    ) -> Result<(), Error> {
        let mut inner: Vec<UnitOffset> = Vec::new();
        let mut children = node.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                    let variable = self.variable(unit, entry);
                    if let (Some(scope), Some(variable)) = (scopes.last_mut(), variable) {
                        scope.variables.push(variable);
                    }
                }
                gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine
                    if self.contains(unit, entry, address) =>
                {
                    inner.push(entry.offset());
                }
                _ => {}
            }
        }
        for offset in inner {
            let mut tree = unit.unit.entries_tree(Some(offset))?;
            let root = tree.root()?;
            if root.entry().tag() == gimli::DW_TAG_inlined_subroutine {
                let function = scopes.first().map_or(0, |scope| scope.function);
                scopes.push(Scope {
                    function,
                    name: self.units.name(unit, root.entry()),
                    variables: Vec::new(),
                });
            }
            self.collect(unit, root, address, scopes)?;
        }
        Ok(())
    }

    /// Variables that are always there with this name, also with that of what is around them: `a::b`, `function::b`.
    ///
    /// `address`: code of the unit that [`Global::is_of_unit`] tells.
    pub fn globals(&self, name: &str, address: Option<u64>) -> Result<Vec<Global>, Error> {
        let own = address.and_then(|address| self.units.at(address));
        let names = self.names();
        let found = names.find(&self.units, name, NamedKind::Variable);
        let globals = found.into_iter().filter(|one| !one.is_declaration);
        let globals = globals.filter_map(|one| {
            let unit = one.unit;
            let external = self
                .units
                .attribute(unit, &one.entry, gimli::DW_AT_external);
            Some(Global {
                variable: self.variable(unit, &one.entry)?,
                is_external: external.is_some(),
                is_of_unit: own.is_some_and(|own| std::ptr::eq(own, unit)),
                has_place: has_place(&one.entry),
                missing: one.missing,
                name: one.name,
                source: unit.source(),
            })
        });
        Ok(globals.collect())
    }

    fn variable(&self, unit: &Unit, entry: &Entry) -> Option<Variable> {
        Some(Variable {
            name: self.units.name(unit, entry)?,
            entry: unit.offset(entry.offset())?,
            type_entry: self.units.type_of(unit, entry),
            is_parameter: entry.tag() == gimli::DW_TAG_formal_parameter,
        })
    }

    fn contains(&self, unit: &Unit, entry: &Entry, address: u64) -> bool {
        let Ok(mut ranges) = unit.dwarf.die_ranges(&unit.unit, entry) else {
            return false;
        };
        while let Ok(Some(range)) = ranges.next() {
            if range.begin <= address && address < range.end {
                return true;
            }
        }
        false
    }
}

fn has_place(entry: &Entry) -> bool {
    entry.has_attr(gimli::DW_AT_location) || entry.has_attr(gimli::DW_AT_const_value)
}
