//! The variables that can be seen from an address.

use gimli::{EntriesTreeNode, UnitOffset};

use crate::demangling::demangled;
use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::symbol::without_parameters;
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

    /// Variables outside of functions with this name, also with that of what is around them: `a::b`.
    ///
    /// `address`: code of the unit that [`Global::is_of_unit`] tells.
    pub fn globals(&self, name: &str, address: Option<u64>) -> Result<Vec<Global>, Error> {
        let mut found = Vec::new();
        let own = address.and_then(|address| self.units.at(address));
        let last = name.rsplit("::").next().unwrap_or(name);
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
                        let Some(variable) = variable.filter(|variable| variable.name == last)
                        else {
                            continue;
                        };
                        if last.len() < name.len() && !self.is_called(unit, entry, name) {
                            continue;
                        }
                        let external = self.units.attribute(unit, entry, gimli::DW_AT_external);
                        found.push(Global {
                            variable,
                            is_external: external.is_some(),
                            is_of_unit: own.is_some_and(|own| std::ptr::eq(own, unit)),
                            source: unit
                                .unit
                                .name
                                .as_ref()
                                .map(|name| String::from_utf8_lossy(name.bytes()).into_owned()),
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// Whether the linker's name of an entry says that it is called so, with what is around it.
    pub(crate) fn is_called(&self, unit: &Unit, entry: &Entry, name: &str) -> bool {
        let linkage = self.units.text(unit, entry, gimli::DW_AT_linkage_name);
        linkage.is_some_and(|linkage| {
            let full = demangled(&linkage);
            let short = without_parameters(&full);
            [&*full, short]
                .iter()
                .any(|known| *known == name || ends_with_part(known, name))
        })
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

/// Whether `whole` is `…::part`.
fn ends_with_part(whole: &str, part: &str) -> bool {
    whole
        .strip_suffix(part)
        .is_some_and(|before| before.ends_with("::"))
}

fn has_place(entry: &Entry) -> bool {
    entry.has_attr(gimli::DW_AT_location) || entry.has_attr(gimli::DW_AT_const_value)
}
