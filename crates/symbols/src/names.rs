//! An index of everything that has a name outside of the bodies of functions, and of the functions themselves.
//!
//! It is made by one pass over the entries, when a name is first asked for. The text of a name is kept nowhere: entries
//! are found by a checksum of it, and looked at again.

use gimli::AttributeValue;

use crate::dwarf::{Entry, Unit, Units};
use crate::paths::{bare, parts, PartKind, PathPart};
use crate::Bytes;

/// No scope around: the unit itself.
const TOP: u32 = u32::MAX;
/// Scopes in scopes, and references to other entries, that are followed: damaged ones may form a circle.
const DEEPEST: usize = 64;

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedKind {
    Function,
    Variable,
    Type,
    Enumerator,
}

/// An entry with a name.
struct Named {
    checksum: u32,
    scope: u32,
    kind: NamedKind,
    is_declaration: bool,
    /// It is declared elsewhere, and a `using` has made it known in this scope, too.
    is_imported: bool,
    entry: u64,
}

/// An entry that others are inside of: a namespace, a class, a function.
struct Scope {
    parent: u32,
    entry: u64,
}

/// The index.
pub(crate) struct Names {
    /// Sorted by checksum.
    named: Vec<Named>,
    scopes: Vec<Scope>,
}

/// An entry that a name means.
pub(crate) struct Found<'a> {
    pub unit: &'a Unit,
    pub entry: Entry,
    /// Number of the entry.
    pub number: u64,
    /// Parts of its full name that the question leaves out.
    pub missing: u32,
    /// With all that is around it.
    pub name: String,
    pub is_declaration: bool,
    /// Number of the entry that it is inside of; None: of none that has a name.
    pub around: Option<u64>,
}

impl Names {
    pub fn of(units: &Units) -> Names {
        let mut names = Names {
            named: Vec::new(),
            scopes: Vec::new(),
        };
        for unit in units.all() {
            names.add(units, unit);
        }
        names
            .named
            .sort_unstable_by_key(|named| (named.checksum, named.entry, named.is_imported));
        names.named.shrink_to_fit();
        names
    }

    fn add(&mut self, units: &Units, unit: &Unit) {
        let mut entries = unit.unit.entries();
        let mut around: Vec<(isize, u32, bool)> = Vec::new();
        while let Ok(Some(entry)) = entries.next_dfs() {
            while around
                .last()
                .is_some_and(|(depth, ..)| *depth >= entry.depth())
            {
                around.pop();
            }
            let (scope, is_in_function) = around
                .last()
                .map_or((TOP, false), |(_, scope, is_function)| {
                    (*scope, *is_function)
                });
            let Some(number) = unit.offset(entry.offset()) else {
                continue;
            };
            if entry.tag() == gimli::DW_TAG_imported_declaration {
                self.named.extend(imported(units, unit, entry, scope));
            } else if let Some(kind) = kind_of(entry, is_in_function) {
                if let Some(checksum) = units.name_with(unit, entry, |name| checksum(bare(name))) {
                    self.named.push(Named {
                        checksum,
                        scope,
                        kind,
                        is_declaration: entry.has_attr(gimli::DW_AT_declaration)
                            || entry.tag() == gimli::DW_TAG_member,
                        is_imported: false,
                        entry: number,
                    });
                }
            }
            if is_scope(entry.tag()) && self.scopes.len() < TOP as usize {
                let is_function = is_in_function || entry.tag() == gimli::DW_TAG_subprogram;
                around.push((entry.depth(), self.scopes.len() as u32, is_function));
                self.scopes.push(Scope {
                    parent: scope,
                    entry: number,
                });
            }
        }
    }

    /// All entries of a kind that a name can mean, in order of their numbers.
    pub fn find<'a>(&self, units: &'a Units, name: &str, kind: NamedKind) -> Vec<Found<'a>> {
        let wanted = parts(name);
        let Some(last) = wanted.last() else {
            return Vec::new();
        };
        let sum = checksum(bare(last));
        let begin = self.named.partition_point(|named| named.checksum < sum);
        let end = self.named.partition_point(|named| named.checksum <= sum);
        let alike = &self.named[begin..end];
        let mut found = Vec::new();
        for named in alike
            .iter()
            .filter(|named| named.kind == kind && !named.is_imported)
        {
            let Ok((unit, offset)) = units.locate(named.entry) else {
                continue;
            };
            let Ok(entry) = unit.unit.entry(offset) else {
                continue;
            };
            let Some(own) = units.name(unit, &entry) else {
                continue;
            };
            let declared = declared_in(units, alike, named);
            let imports = alike.iter().filter(|other| {
                other.is_imported && [named.entry, declared.entry].contains(&other.entry)
            });
            let names = std::iter::once(declared)
                .chain(imports)
                .filter_map(|known| {
                    let mut full = self.path(units, known.scope);
                    full.push(PathPart::new(own.clone(), PartKind::Itself));
                    let missing = PathPart::missing(&full, &wanted, kind == NamedKind::Function)?;
                    Some((missing, full, known.scope))
                });
            let Some((missing, full, scope)) = names.min_by_key(|(missing, ..)| *missing) else {
                continue;
            };
            found.push(Found {
                unit,
                entry,
                number: named.entry,
                missing,
                name: PathPart::joined(&full),
                is_declaration: named.is_declaration,
                around: self.scopes.get(scope as usize).map(|scope| scope.entry),
            });
        }
        found
    }

    /// What a function that is described by an entry is inside of, outermost first; and its own name.
    pub fn path_of(&self, units: &Units, number: u64) -> Option<Vec<PathPart>> {
        let (unit, offset) = units.locate(number).ok()?;
        let entry = unit.unit.entry(offset).ok()?;
        let own = units.name(unit, &entry)?;
        let sum = checksum(bare(&own));
        let begin = self.named.partition_point(|named| named.checksum < sum);
        let end = self.named.partition_point(|named| named.checksum <= sum);
        let alike = &self.named[begin..end];
        let named = alike.iter().find(|named| named.entry == number)?;
        let mut full = self.path(units, declared_in(units, alike, named).scope);
        full.push(PathPart::new(own, PartKind::Itself));
        Some(full)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// All names, without what is around them.
    pub fn all_names<'a>(&'a self, units: &'a Units) -> impl Iterator<Item = String> + 'a {
        self.named.iter().filter_map(|named| {
            let (unit, offset) = units.locate(named.entry).ok()?;
            units.name(unit, &unit.unit.entry(offset).ok()?)
        })
    }

    /// The names of a scope and of what is around it, outermost first.
    fn path(&self, units: &Units, mut scope: u32) -> Vec<PathPart> {
        let mut found = Vec::new();
        while let Some(own) = self.scopes.get(scope as usize) {
            found.extend(part(units, own.entry));
            if found.len() > DEEPEST {
                break;
            }
            scope = own.parent;
        }
        found.reverse();
        found
    }
}

/// What an entry was declared as, which may be in another scope than it is described in.
fn declared_in<'a>(units: &Units, alike: &'a [Named], named: &'a Named) -> &'a Named {
    let mut named = named;
    for _ in 0..DEEPEST {
        let Ok((unit, offset)) = units.locate(named.entry) else {
            break;
        };
        let Ok(entry) = unit.unit.entry(offset) else {
            break;
        };
        let origin = entry
            .attr_value(gimli::DW_AT_abstract_origin)
            .or_else(|| entry.attr_value(gimli::DW_AT_specification));
        let Some(number) = origin.and_then(|value| units.referred(unit, &value)) else {
            break;
        };
        let Some(other) = alike.iter().find(|other| other.entry == number) else {
            break;
        };
        named = other;
    }
    named
}

fn part(units: &Units, number: u64) -> Option<PathPart> {
    let (unit, offset) = units.locate(number).ok()?;
    let entry = unit.unit.entry(offset).ok()?;
    let name = units.name(unit, &entry).or_else(|| {
        // It may only say which unit has it.
        let (unit, offset) = units.locate(units.signature(unit, &entry)?).ok()?;
        units.name(unit, &unit.unit.entry(offset).ok()?)
    });
    let kind = match entry.tag() {
        gimli::DW_TAG_namespace if entry.has_attr(gimli::DW_AT_export_symbols) => {
            PartKind::Optional
        }
        gimli::DW_TAG_namespace if name.is_none() => PartKind::Optional,
        gimli::DW_TAG_enumeration_type if entry.has_attr(gimli::DW_AT_enum_class) => {
            PartKind::Needed
        }
        gimli::DW_TAG_enumeration_type => PartKind::Optional,
        gimli::DW_TAG_subprogram => PartKind::Function,
        _ => PartKind::Around,
    };
    let name = match (name, entry.tag()) {
        (Some(name), _) => name,
        (None, gimli::DW_TAG_namespace) => "(anonymous namespace)".to_owned(),
        (None, _) => return None,
    };
    Some(PathPart::new(name, kind))
}

/// What a `using` in a namespace makes known there.
fn imported(units: &Units, unit: &Unit, entry: &Entry, scope: u32) -> Option<Named> {
    let value = entry.attr_value(gimli::DW_AT_import)?;
    if scope == TOP || entry.has_attr(gimli::DW_AT_name) {
        return None;
    }
    let number = units.referred(unit, &value)?;
    let (unit, offset) = units.locate(number).ok()?;
    let entry = unit.unit.entry(offset).ok()?;
    Some(Named {
        checksum: units.name_with(unit, &entry, |name| checksum(bare(name)))?,
        scope,
        kind: kind_of(&entry, false)?,
        is_declaration: entry.has_attr(gimli::DW_AT_declaration),
        is_imported: true,
        entry: number,
    })
}

fn is_scope(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_namespace
            | gimli::DW_TAG_module
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_interface_type
            | gimli::DW_TAG_subprogram
    )
}

/// What an entry is named as; None: it is nothing that is looked for by name.
fn kind_of(entry: &Entry, is_in_function: bool) -> Option<NamedKind> {
    match entry.tag() {
        gimli::DW_TAG_subprogram | gimli::DW_TAG_inlined_subroutine => Some(NamedKind::Function),
        gimli::DW_TAG_variable if !is_in_function || is_static(entry) => Some(NamedKind::Variable),
        // A static one of a class, before DWARF 5.
        gimli::DW_TAG_member
            if entry.has_attr(gimli::DW_AT_external)
                || entry.has_attr(gimli::DW_AT_declaration) =>
        {
            Some(NamedKind::Variable)
        }
        gimli::DW_TAG_structure_type
        | gimli::DW_TAG_class_type
        | gimli::DW_TAG_union_type
        | gimli::DW_TAG_enumeration_type
        | gimli::DW_TAG_interface_type
        | gimli::DW_TAG_typedef
        | gimli::DW_TAG_base_type => Some(NamedKind::Type),
        gimli::DW_TAG_enumerator => Some(NamedKind::Enumerator),
        _ => None,
    }
}

/// Whether a variable is always at one address.
fn is_static(entry: &Entry) -> bool {
    let Some(AttributeValue::Exprloc(expression)) = entry.attr_value(gimli::DW_AT_location) else {
        return false;
    };
    let bytes: &Bytes = &expression.0;
    let first = bytes.bytes().first().copied().map(gimli::DwOp);
    matches!(
        first,
        Some(gimli::DW_OP_addr | gimli::DW_OP_addrx | gimli::DW_OP_GNU_addr_index)
    )
}

/// FNV-1a.
fn checksum(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |sum, byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
