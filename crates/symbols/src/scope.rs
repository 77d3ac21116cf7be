//! The variables that can be seen from an address.

use gimli::{EntriesTreeNode, UnitOffset};

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
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

    /// Variables outside of functions with this name.
    pub fn globals(&self, name: &str) -> Result<Vec<Variable>, Error> {
        let mut found = Vec::new();
        for unit in self.units.all() {
            let mut entries = unit.unit.entries();
            let mut function_depth = None;
            while let Some(entry) = entries.next_dfs()? {
                if function_depth.is_some_and(|depth| entry.depth() > depth) {
                    continue;
                }
                function_depth = None;
                match entry.tag() {
                    gimli::DW_TAG_subprogram => function_depth = Some(entry.depth()),
                    gimli::DW_TAG_variable if has_place(entry) => {
                        let variable = self.variable(unit, entry);
                        found.extend(variable.filter(|variable| variable.name == name));
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
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
        let Ok(mut ranges) = self.units.dwarf().die_ranges(&unit.unit, entry) else {
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
