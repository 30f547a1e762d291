//! The named types and constants that the fields of a module can use.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::model::{
    self, Element, Feature, Queue, Scalar, StructType, Type, UnionEntry, UnionType, ValueKind, ValueType,
};
use crate::name::Name;
use crate::syntax::{Const, Field, Length, Member, Struct, TypeName};

/// The maximum length of an array. No array of the specification is longer.
pub(super) const MAX_LEN: u64 = 65_536;

/// The parts of a device that its members can refer to. A module has none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeviceParts<'a> {
    pub(super) features: &'a [Feature],
    pub(super) queues: &'a [Queue],
    pub(super) config: &'a [model::Field],
    /// Whether queues may be missing from the syntax tree.
    pub(super) has_skipped_queues: bool,
}

/// The members of a device or a module. A member can be used before its definition.
pub(super) struct Scope<'a> {
    members: &'a [Member],
    /// The structures that were measured. `None` for one that contains itself, and for one that is being measured.
    measured: RefCell<HashMap<&'a str, Option<StructType>>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(members: &'a [Member]) -> Self {
        Self { members, measured: RefCell::default() }
    }

    /// Returns the constant of this name.
    pub(super) fn constant(&self, name: &str) -> Option<&'a Const> {
        self.members.iter().find_map(|member| match member {
            Member::Const(constant) if constant.name.text == name => Some(constant),
            _ => None,
        })
    }

    /// Returns the names of all constants.
    pub(super) fn constants(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.members.iter().filter_map(|member| match member {
            Member::Const(constant) => Some(constant.name.text.as_str()),
            _ => None,
        })
    }

    /// Returns the names of all types.
    pub(super) fn types(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.members.iter().filter(|member| is_type(member)).map(|member| member.name().text.as_str())
    }

    /// Returns the member of this name.
    pub(super) fn member(&self, name: &str) -> Option<&'a Member> {
        self.members.iter().find(|member| member.name().text == name)
    }

    /// Returns the type of this name. Returns `None` without a report if there is no such type, if it is invalid, or if it is a
    /// structure that contains itself.
    pub(super) fn element(&self, name: &Name) -> Option<Element> {
        let member = self.members.iter().find(|member| is_type(member) && member.name().text == name.text)?;
        let value = |repr: &Name, kind| {
            let name = member.name().clone();
            Some(Element::Value(ValueType { name, kind, scalar: Scalar::named(&repr.text)? }))
        };
        match member {
            Member::Enum(values) => value(&values.repr, ValueKind::Enum),
            Member::Bits(bits) => value(&bits.repr, ValueKind::Bits),
            Member::Struct(structure) => self.structure(structure).map(Element::Struct),
            _ => None,
        }
    }

    /// Returns the fields of a structure with their types and offsets, without padding. Errors in it are reported where the
    /// structure is checked.
    pub(super) fn fields(&self, name: &Name) -> Vec<(&'a Field, Type, u64)> {
        let Some(Member::Struct(structure)) = self.member(&name.text) else { return Vec::new() };
        let mut offset = 0_u64;
        let fields = structure.fields.entries.iter().filter_map(|field| {
            let ty = self.quiet_field(&structure.name, field)?;
            let start = offset;
            offset = offset.saturating_add(ty.size());
            Some((field, ty, start))
        });
        fields.collect()
    }

    /// Returns the type of the field through which a structure contains itself, directly or through other structures.
    pub(super) fn cycle(&self, structure: &'a Struct) -> Option<&'a Name> {
        structure.fields.entries.iter().flat_map(types_of).find(|ty| {
            let (mut seen, mut next) = (Vec::new(), vec![ty.text.as_str()]);
            while let Some(name) = next.pop() {
                // A structure with the name of an integer type is reported as such.
                if Scalar::named(name).is_some() {
                    continue;
                }
                if name == structure.name.text {
                    return true;
                }
                if let Some(Member::Struct(inner)) = self.member(name)
                    && !seen.contains(&name)
                {
                    seen.push(name);
                    next.extend(inner.fields.entries.iter().flat_map(types_of).map(|ty| ty.text.as_str()));
                }
            }
            false
        })
    }

    /// Returns whether this is the name of a structure that ends with an array without a length.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let Some(Member::Struct(structure)) = self.member(name) else { return false };
        structure.fields.entries.iter().any(|field| matches!(field.ty.len, Some(Length::Open(_))))
    }

    /// Measures a structure.
    fn structure(&self, structure: &'a Struct) -> Option<StructType> {
        let text = structure.name.text.as_str();
        if let Some(known) = self.measured.borrow().get(text) {
            return known.clone();
        }
        self.measured.borrow_mut().insert(text, None);
        let mut measured = StructType { name: structure.name.clone(), size: 0, align: 1, has_byte_order: false };
        if self.is_open(text) {
            return None;
        }
        if structure.fields.skipped.is_any() {
            return None;
        }
        for field in &structure.fields.entries {
            let ty = self.quiet_field(&structure.name, field)?;
            measured.size = measured.size.saturating_add(ty.size());
            measured.has_byte_order |= ty.has_byte_order();
            if structure.packed.is_none() {
                measured.align = measured.align.max(ty.align());
            }
        }
        self.measured.borrow_mut().insert(text, Some(measured.clone()));
        Some(measured)
    }

    /// Resolves the type of a field of a structure. Errors in it are reported where the structure is checked.
    fn quiet_field(&self, owner: &Name, field: &Field) -> Option<Type> {
        let Some(union) = &field.ty.union else { return self.quiet_type(&field.ty) };
        if union.skipped.is_any() {
            return None;
        }
        let entries = union.entries.iter().map(|entry| {
            let ty = self.quiet_type(&entry.ty)?;
            Some(UnionEntry { docs: entry.docs.clone(), name: entry.name.clone(), ty, values: Vec::new() })
        });
        let name = Name { text: format!("{}_{}", owner.text, field.name.text), span: field.name.span };
        let union = UnionType::new(name, entries.collect::<Option<_>>()?, None);
        Some(Type { element: Element::Union(union), len: None })
    }

    fn quiet_type(&self, ty: &TypeName) -> Option<Type> {
        let name = &ty.element;
        let element = Scalar::named(&name.text).map(Element::Scalar).or_else(|| self.element(name))?;
        let number = |number: u64| u32::try_from(number.clamp(1, MAX_LEN)).ok();
        let len = match &ty.len {
            None => None,
            Some(Length::Number(len)) => Some(number(len.value)?),
            Some(Length::Named(name)) => Some(number(self.constant(&name.text)?.value.value)?),
            Some(Length::Config(_) | Length::Open(_)) => return None,
        };
        Some(Type { element, len })
    }
}

/// Returns the names of the types of a field: several for a union.
fn types_of(field: &Field) -> Vec<&Name> {
    match &field.ty.union {
        Some(union) => union.entries.iter().map(|entry| &entry.ty.element).collect(),
        None => vec![&field.ty.element],
    }
}

/// Returns whether fields can have the member as their type.
fn is_type(member: &Member) -> bool {
    matches!(member, Member::Struct(_) | Member::Enum(_) | Member::Bits(_))
}
