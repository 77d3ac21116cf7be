//! Types, as the debug information describes them.

use crate::dwarf::{Entry, Unit};
use crate::module::Module;
use crate::Error;

/// What kind of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Base,
    Pointer,
    Reference,
    Array,
    Structure,
    Union,
    Enumeration,
    /// Another name, or `const`, `volatile` and the like: the target with a decoration.
    Alias,
    Function,
    Other,
}

impl TypeKind {
    /// The name Python knows it by.
    pub fn name(self) -> &'static str {
        match self {
            TypeKind::Base => "base",
            TypeKind::Pointer => "pointer",
            TypeKind::Reference => "reference",
            TypeKind::Array => "array",
            TypeKind::Structure => "structure",
            TypeKind::Union => "union",
            TypeKind::Enumeration => "enumeration",
            TypeKind::Alias => "alias",
            TypeKind::Function => "function",
            TypeKind::Other => "other",
        }
    }
}

/// A member of a structure or union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// None: anonymous, its own members are reached without a name.
    pub name: Option<String>,
    /// Bytes from the start of the structure.
    pub offset: u64,
    pub type_entry: u64,
    /// Of a bit field: first bit from `offset` on, and number of bits.
    pub bits: Option<(u64, u64)>,
    pub is_base_class: bool,
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    pub kind: TypeKind,
    pub name: Option<String>,
    /// Bytes, where it has a size of its own (an array has not).
    pub size: Option<u64>,
    /// What a pointer points to, an array consists of, an alias stands for; None: void.
    pub target: Option<u64>,
    /// `DW_ATE_*` of a base type.
    pub encoding: Option<u8>,
    /// Elements of each dimension of an array; None: not known.
    pub counts: Vec<Option<u64>>,
    pub members: Vec<Member>,
    pub enumerators: Vec<(String, i64)>,
    /// Only its name is known in this file's unit.
    pub is_declaration: bool,
}

impl Module {
    /// The type at an offset of `.debug_info`.
    pub fn type_at(&self, offset: u64) -> Result<Type, Error> {
        let (unit, inside) = self.units.locate(offset)?;
        let mut tree = unit.unit.entries_tree(Some(inside))?;
        let root = tree.root()?;
        let entry = root.entry();
        let mut found = Type {
            kind: kind(entry.tag()),
            name: self.units.name(unit, entry),
            size: number(entry, gimli::DW_AT_byte_size),
            target: self.units.type_of(unit, entry),
            encoding: match entry.attr_value(gimli::DW_AT_encoding) {
                Some(gimli::AttributeValue::Encoding(encoding)) => Some(encoding.0),
                _ => None,
            },
            counts: Vec::new(),
            members: Vec::new(),
            enumerators: Vec::new(),
            is_declaration: entry.has_attr(gimli::DW_AT_declaration),
        };
        let mut children = root.children();
        while let Some(child) = children.next()? {
            self.add_part(unit, child.entry(), &mut found);
        }
        Ok(found)
    }

    /// The complete structure, union, enumeration or alias of a name.
    pub fn type_named(&self, name: &str) -> Result<Option<u64>, Error> {
        for unit in self.units.all() {
            let mut entries = unit.unit.entries();
            while let Some(entry) = entries.next_dfs()? {
                let is_named = matches!(
                    entry.tag(),
                    gimli::DW_TAG_structure_type
                        | gimli::DW_TAG_class_type
                        | gimli::DW_TAG_union_type
                        | gimli::DW_TAG_enumeration_type
                        | gimli::DW_TAG_typedef
                        | gimli::DW_TAG_base_type
                );
                if is_named
                    && !entry.has_attr(gimli::DW_AT_declaration)
                    && self.units.name(unit, entry).as_deref() == Some(name)
                {
                    return Ok(unit.offset(entry.offset()));
                }
            }
        }
        Ok(None)
    }

    fn add_part(&self, unit: &Unit, entry: &Entry, found: &mut Type) {
        match entry.tag() {
            gimli::DW_TAG_subrange_type => {
                let count = number(entry, gimli::DW_AT_count);
                let last = number(entry, gimli::DW_AT_upper_bound);
                found
                    .counts
                    .push(count.or_else(|| last.map(|last| last.wrapping_add(1))));
            }
            gimli::DW_TAG_enumerator => {
                let value = entry.attr_value(gimli::DW_AT_const_value);
                let value = value.and_then(|value| {
                    let signed = value.sdata_value();
                    signed.or_else(|| value.udata_value().map(|value| value as i64))
                });
                if let (Some(name), Some(value)) = (self.units.name(unit, entry), value) {
                    found.enumerators.push((name, value));
                }
            }
            gimli::DW_TAG_member | gimli::DW_TAG_inheritance => {
                // A static member of a class is a variable elsewhere.
                let is_static = entry.has_attr(gimli::DW_AT_external);
                let (Some(type_entry), false) = (self.units.type_of(unit, entry), is_static) else {
                    return;
                };
                let offset = number(entry, gimli::DW_AT_data_member_location).unwrap_or(0);
                let bits = number(entry, gimli::DW_AT_bit_size).map(|size| {
                    let first = number(entry, gimli::DW_AT_data_bit_offset).unwrap_or(0);
                    (first, size)
                });
                found.members.push(Member {
                    name: self.units.name(unit, entry),
                    offset,
                    type_entry,
                    bits,
                    is_base_class: entry.tag() == gimli::DW_TAG_inheritance,
                });
            }
            _ => {}
        }
    }
}

fn kind(tag: gimli::DwTag) -> TypeKind {
    match tag {
        gimli::DW_TAG_base_type => TypeKind::Base,
        gimli::DW_TAG_pointer_type => TypeKind::Pointer,
        gimli::DW_TAG_reference_type | gimli::DW_TAG_rvalue_reference_type => TypeKind::Reference,
        gimli::DW_TAG_array_type => TypeKind::Array,
        gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type => TypeKind::Structure,
        gimli::DW_TAG_union_type => TypeKind::Union,
        gimli::DW_TAG_enumeration_type => TypeKind::Enumeration,
        gimli::DW_TAG_typedef
        | gimli::DW_TAG_const_type
        | gimli::DW_TAG_volatile_type
        | gimli::DW_TAG_restrict_type
        | gimli::DW_TAG_atomic_type => TypeKind::Alias,
        gimli::DW_TAG_subroutine_type => TypeKind::Function,
        _ => TypeKind::Other,
    }
}

fn number(entry: &Entry, name: gimli::DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}
