//! Types of fields.

use super::numbers::{Order, Scalar};
use crate::name::Name;
use crate::syntax::Docs;

/// The type of a field.
#[derive(Clone, Debug)]
pub struct Type {
    /// The type, or the element type of an array.
    pub element: Element,
    /// The length of an array.
    pub len: Option<u32>,
}

/// A type without a length.
#[derive(Clone, Debug)]
pub enum Element {
    /// An integer.
    Scalar(Scalar),
    /// An enum or a bit field of the same module.
    Value(ValueType),
    /// A structure of the same module.
    Struct(StructType),
    /// A union, in a structure or a block.
    Union(UnionType),
}

/// A union as the type of a field.
#[derive(Clone, Debug)]
pub struct UnionType {
    /// The name of the type: that of the structure and the field.
    pub name: Name,
    /// The entries, in order.
    pub entries: Vec<UnionEntry>,
    /// The field whose value chooses the entry.
    pub selector: Option<Selector>,
    /// The size in bytes.
    pub size: u64,
    /// The alignment in C, in bytes.
    pub align: u64,
}

/// An entry of a union.
#[derive(Clone, Debug)]
pub struct UnionEntry {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Type,
    /// The values of the selector's enum that choose the entry. Empty without a selector.
    pub values: Vec<Name>,
}

/// The field whose value chooses the entry of a union.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The name of the field.
    pub field: Name,
    /// The name of its enum.
    pub ty: Name,
}

impl UnionType {
    /// Returns a union with the size and the alignment of C.
    pub(crate) fn new(name: Name, entries: Vec<UnionEntry>, selector: Option<Selector>) -> Self {
        let align = entries.iter().map(|entry| entry.ty.align()).max().unwrap_or(1);
        let size = entries.iter().map(|entry| entry.ty.size()).max().unwrap_or(0);
        Self { name, entries, selector, size: size.checked_next_multiple_of(align).unwrap_or(size), align }
    }
}

/// An enum or a bit field as the type of a field.
#[derive(Clone, Debug)]
pub struct ValueType {
    /// The name of the type.
    pub name: Name,
    /// What the type is.
    pub kind: ValueKind,
    /// The stored form.
    pub scalar: Scalar,
}

/// The kind of a [`ValueType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// An enum.
    Enum,
    /// A bit field.
    Bits,
}

/// A structure as the type of a field.
#[derive(Clone, Debug)]
pub struct StructType {
    /// The name of the structure.
    pub name: Name,
    /// The size in bytes.
    pub size: u64,
    /// The alignment of the C structure in bytes: 1 if it is packed.
    pub align: u64,
    /// Whether the structure has a number whose byte order depends on the interface.
    pub has_byte_order: bool,
}

impl Type {
    /// A single byte. It replaces an unknown type.
    pub(crate) const BYTE: Self = Self { element: Element::Scalar(Scalar::ALL[0]), len: None };

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.element.size().saturating_mul(self.len.map_or(1, u64::from))
    }

    /// Returns the alignment in C, in bytes.
    pub const fn align(&self) -> u64 {
        self.element.align()
    }

    /// Returns the integer that the field stores, or `None` for a structure.
    pub const fn scalar(&self) -> Option<Scalar> {
        self.element.scalar()
    }

    /// Returns whether the byte order of a number in it depends on the interface.
    pub fn has_byte_order(&self) -> bool {
        match &self.element {
            Element::Struct(structure) => structure.has_byte_order,
            // Its type contains bytes; the methods have the byte order as parameter.
            Element::Union(_) => false,
            Element::Scalar(scalar) | Element::Value(ValueType { scalar, .. }) => scalar.order == Order::Native,
        }
    }

    /// Returns the type as a description writes it.
    pub fn text(&self) -> String {
        match self.len {
            Some(len) => format!("[{}; {len}]", self.element.name()),
            None => self.element.name().to_owned(),
        }
    }
}

impl Element {
    /// Returns the size in bytes.
    pub const fn size(&self) -> u64 {
        match self {
            Self::Scalar(scalar) | Self::Value(ValueType { scalar, .. }) => scalar.int.bytes(),
            Self::Struct(structure) => structure.size,
            Self::Union(union) => union.size,
        }
    }

    /// Returns the alignment in C, in bytes.
    pub const fn align(&self) -> u64 {
        match self {
            Self::Scalar(scalar) | Self::Value(ValueType { scalar, .. }) => scalar.int.bytes(),
            Self::Struct(structure) => structure.align,
            Self::Union(union) => union.align,
        }
    }

    /// Returns the integer that is stored, or `None` for a structure.
    pub const fn scalar(&self) -> Option<Scalar> {
        match self {
            Self::Scalar(scalar) | Self::Value(ValueType { scalar, .. }) => Some(*scalar),
            Self::Struct(_) | Self::Union(_) => None,
        }
    }

    /// Returns the name in the description.
    pub fn name(&self) -> &str {
        match self {
            Self::Scalar(scalar) => scalar.name,
            Self::Value(value) => &value.name.text,
            Self::Struct(structure) => &structure.name.text,
            Self::Union(_) => "union",
        }
    }
}
