//! Types, as the debug information describes them.

use gimli::EntriesTreeNode;

use crate::demangling::demangled;
use crate::dwarf::{Entry, Unit};
use crate::location::{evaluate_address, Context};
use crate::module::Module;
use crate::names::NamedKind;
use crate::paths::PathPart;
use crate::{Bytes, Error};

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
    /// A pointer to a member of [`Type::holder`].
    MemberPointer,
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
            TypeKind::MemberPointer => "member pointer",
            TypeKind::Other => "other",
        }
    }
}

/// A member of a structure or union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// None: anonymous, its own members are reached without a name.
    pub name: Option<String>,
    /// Bytes from the start of the structure; None: an expression tells it ([`Module::member_address`]).
    pub offset: Option<u64>,
    /// Where it is described.
    pub entry: u64,
    pub type_entry: u64,
    /// Of a bit field: first bit from `offset` on, the lowest of a byte first, and number of bits.
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
    /// What an alias adds to its target: `const`, `volatile`; None: another name.
    pub qualifier: Option<&'static str>,
    /// Whether it is a reference to what is about to go (`&&`).
    pub is_rvalue: bool,
    /// Of a pointer to a member: the class.
    pub holder: Option<u64>,
    /// Of a function: types of its parameters.
    pub parameters: Vec<Option<u64>>,
    /// Of a function: whether more may follow.
    pub is_variadic: bool,
    /// Elements of each dimension of an array; None: not known.
    pub counts: Vec<Option<u64>>,
    pub members: Vec<Member>,
    pub enumerators: Vec<(String, i64)>,
    /// Only its name is known in this file's unit.
    pub is_declaration: bool,
    /// Of a type with variants: what tells them apart, and each with the value that stands for it; None: for
    /// all other values.
    pub variants: Option<Variants>,
}

/// A type that was looked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedType {
    pub entry: u64,
    /// Number of its unit ([`Module::unit_at`]).
    pub unit: u64,
    /// Parts of its name that were left out.
    pub missing: u32,
    /// With all that is around it.
    pub name: String,
}

/// A constant of an enumeration that was looked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumerator {
    pub value: i64,
    /// The enumeration.
    pub type_entry: u64,
    /// Number of its unit ([`Module::unit_at`]).
    pub unit: u64,
    /// Parts of its name that were left out.
    pub missing: u32,
    /// With all that is around it.
    pub name: String,
}

/// The variants of a type, as Rust's enumerations have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variants {
    pub discriminant: Option<Member>,
    pub members: Vec<(Option<u64>, Member)>,
}

impl Module {
    /// The type at an offset of `.debug_info`.
    pub fn type_at(&self, offset: u64) -> Result<Type, Error> {
        let (mut unit, mut inside) = self.units.locate(offset)?;
        if let Some(other) = self.units.signature(unit, &unit.unit.entry(inside)?) {
            // It only says which unit has it.
            (unit, inside) = self.units.locate(other)?;
        }
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
            qualifier: qualifier(entry.tag()),
            is_rvalue: entry.tag() == gimli::DW_TAG_rvalue_reference_type,
            holder: entry
                .attr_value(gimli::DW_AT_containing_type)
                .and_then(|value| self.units.referred(unit, &value)),
            parameters: Vec::new(),
            is_variadic: false,
            counts: Vec::new(),
            members: Vec::new(),
            enumerators: Vec::new(),
            is_declaration: entry.has_attr(gimli::DW_AT_declaration),
            variants: None,
        };
        let mut children = root.children();
        while let Some(child) = children.next()? {
            if child.entry().tag() == gimli::DW_TAG_variant_part {
                found.variants = Some(self.variants(unit, child)?);
            } else {
                self.add_part(unit, child.entry(), &mut found);
            }
        }
        Ok(found)
    }

    fn variants(
        &self,
        unit: &Unit,
        node: EntriesTreeNode<'_, '_, Bytes>,
    ) -> Result<Variants, Error> {
        let discriminant = node.entry().attr_value(gimli::DW_AT_discr);
        let discriminant = discriminant.and_then(|value| self.units.follow(unit, &value));
        let mut found = Variants {
            discriminant: discriminant.and_then(|(unit, entry)| self.member(unit, &entry)),
            members: Vec::new(),
        };
        let mut children = node.children();
        while let Some(child) = children.next()? {
            if child.entry().tag() != gimli::DW_TAG_variant {
                continue;
            }
            let value = child.entry().attr_value(gimli::DW_AT_discr_value);
            let value = value.and_then(|value| {
                value
                    .udata_value()
                    .or_else(|| value.sdata_value().map(|value| value as u64))
            });
            let mut parts = child.children();
            while let Some(part) = parts.next()? {
                if part.entry().tag() == gimli::DW_TAG_member {
                    found.members.extend(
                        self.member(unit, part.entry())
                            .map(|member| (value, member)),
                    );
                }
            }
        }
        Ok(found)
    }

    /// The address of a member of the structure at an address, where an expression tells it.
    pub fn member_address(
        &self,
        entry: u64,
        structure: u64,
        context: &Context<'_>,
    ) -> Result<u64, Error> {
        let (unit, offset) = self.units.locate(entry)?;
        let entry = unit.unit.entry(offset)?;
        match entry.attr_value(gimli::DW_AT_data_member_location) {
            Some(gimli::AttributeValue::Exprloc(expression)) => {
                evaluate_address(expression, unit.unit.encoding(), Some(structure), context)
            }
            _ => Err(Error::Unsupported("a member whose place is told like this")),
        }
    }

    /// Enumerators with this name.
    pub fn enumerator_named(&self, name: &str) -> Result<Vec<Enumerator>, Error> {
        let found = self.names().find(&self.units, name, NamedKind::Enumerator);
        let found = found.into_iter().filter_map(|one| {
            Some(Enumerator {
                value: enumerator_value(&one.entry)?,
                type_entry: one.around?,
                unit: one.unit.number(),
                missing: one.missing,
                name: one.name,
            })
        });
        Ok(found.collect())
    }

    /// The complete structures, unions, enumerations, base types and aliases of a name.
    pub fn types_named(&self, name: &str) -> Result<Vec<NamedType>, Error> {
        let found = self.names().find(&self.units, name, NamedKind::Type);
        let found = found.into_iter().filter(|one| !one.is_declaration);
        let found = found.map(|one| NamedType {
            entry: one.number,
            unit: one.unit.number(),
            missing: one.missing,
            name: one.name,
        });
        Ok(found.collect())
    }

    /// The name of a type, with all that is around it.
    pub fn full_name(&self, entry: u64) -> Option<String> {
        let path = self.names().path_of(&self.units, entry)?;
        Some(PathPart::joined(&path))
    }

    /// The virtual function of a class that has a place in the table of them.
    pub fn virtual_function(&self, class: u64, place: u64) -> Result<Option<String>, Error> {
        let (unit, offset) = self.units.locate(class)?;
        let mut tree = unit.unit.entries_tree(Some(offset))?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            let told = match entry.attr_value(gimli::DW_AT_vtable_elem_location) {
                Some(gimli::AttributeValue::Exprloc(expression)) => {
                    match expression.operations(unit.unit.encoding()).next() {
                        Ok(Some(gimli::Operation::UnsignedConstant { value })) => Some(value),
                        _ => None,
                    }
                }
                Some(value) => value.udata_value(),
                None => None,
            };
            if told == Some(place) {
                let linkage = self.units.linkage_name(unit, entry);
                let name = linkage.map(|linkage| demangled(&linkage).into_owned());
                return Ok(name.or_else(|| self.units.name(unit, entry)));
            }
        }
        Ok(None)
    }

    /// Of a type that is declared only, where it is complete.
    pub fn complete_type(&self, entry: u64) -> Result<Option<u64>, Error> {
        let Some(path) = self.names().path_of(&self.units, entry) else {
            return Ok(None);
        };
        let found = self.types_named(&PathPart::joined(&path))?;
        Ok(found
            .iter()
            .find(|one| one.missing == 0)
            .map(|one| one.entry))
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
                let value = enumerator_value(entry);
                if let (Some(name), Some(value)) = (self.units.name(unit, entry), value) {
                    found.enumerators.push((name, value));
                }
            }
            gimli::DW_TAG_formal_parameter if found.kind == TypeKind::Function => {
                found.parameters.push(self.units.type_of(unit, entry));
            }
            gimli::DW_TAG_unspecified_parameters => found.is_variadic = true,
            gimli::DW_TAG_member | gimli::DW_TAG_inheritance => {
                found.members.extend(self.member(unit, entry));
            }
            _ => {}
        }
    }

    /// A member; None for a static one of a class, which is a variable elsewhere.
    fn member(&self, unit: &Unit, entry: &Entry) -> Option<Member> {
        let is_static =
            entry.has_attr(gimli::DW_AT_external) || entry.has_attr(gimli::DW_AT_declaration);
        let type_entry = self.units.type_of(unit, entry).filter(|_| !is_static)?;
        let mut offset = match entry.attr_value(gimli::DW_AT_data_member_location) {
            None => Some(0),
            Some(gimli::AttributeValue::Exprloc(expression)) => {
                constant(expression, unit.unit.encoding())
            }
            Some(value) => value.udata_value(),
        };
        let size = number(entry, gimli::DW_AT_bit_size);
        let bits = size.map(|size| {
            let first = number(entry, gimli::DW_AT_data_bit_offset);
            // Before version 4: from the highest bit of what holds it, and perhaps before that.
            let old = entry.attr_value(gimli::DW_AT_bit_offset);
            let old = old.and_then(|value| {
                value
                    .sdata_value()
                    .or(value.udata_value().map(|v| v as i64))
            });
            match (first, old, offset) {
                (Some(first), ..) => (first, size),
                (None, Some(old), Some(place)) => {
                    let holder = number(entry, gimli::DW_AT_byte_size);
                    let holder = holder.or_else(|| self.size_of(type_entry)).unwrap_or(0);
                    let first = (holder as i64)
                        .saturating_mul(8)
                        .saturating_sub(old)
                        .saturating_sub(size as i64)
                        .saturating_add((place as i64).saturating_mul(8));
                    offset = Some(0);
                    (first.max(0) as u64, size)
                }
                _ => (0, size),
            }
        });
        Some(Member {
            name: self.units.name(unit, entry),
            offset,
            entry: unit.offset(entry.offset())?,
            type_entry,
            bits,
            is_base_class: entry.tag() == gimli::DW_TAG_inheritance,
        })
    }

    /// Bytes of a type, by any name.
    fn size_of(&self, mut entry: u64) -> Option<u64> {
        const LONGEST_CHAIN: usize = 32;
        for _ in 0..LONGEST_CHAIN {
            let found = self.type_at(entry).ok()?;
            if found.size.is_some() || found.kind != TypeKind::Alias {
                return found.size;
            }
            entry = found.target?;
        }
        None
    }
}

/// The offset of a member, where the expression that tells it only adds one to the address of the structure.
fn constant(expression: gimli::Expression<Bytes>, encoding: gimli::Encoding) -> Option<u64> {
    let mut operations = expression.operations(encoding);
    match (operations.next(), operations.next()) {
        (Ok(Some(gimli::Operation::PlusConstant { value })), Ok(None)) => Some(value),
        _ => None,
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
        gimli::DW_TAG_subroutine_type | gimli::DW_TAG_subprogram => TypeKind::Function,
        gimli::DW_TAG_ptr_to_member_type => TypeKind::MemberPointer,
        _ => TypeKind::Other,
    }
}

fn qualifier(tag: gimli::DwTag) -> Option<&'static str> {
    match tag {
        gimli::DW_TAG_const_type => Some("const"),
        gimli::DW_TAG_volatile_type => Some("volatile"),
        gimli::DW_TAG_restrict_type => Some("restrict"),
        gimli::DW_TAG_atomic_type => Some("_Atomic"),
        _ => None,
    }
}

fn enumerator_value(entry: &Entry) -> Option<i64> {
    let value = entry.attr_value(gimli::DW_AT_const_value)?;
    let signed = value.sdata_value();
    signed.or_else(|| value.udata_value().map(|value| value as i64))
}

fn number(entry: &Entry, name: gimli::DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}
