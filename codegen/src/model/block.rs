//! Register blocks and configuration spaces.

use super::condition::Condition;
use super::types::{Selector, Type};
use crate::name::{CNames, Name};
use crate::syntax::Docs;

/// A block of registers or a configuration space.
#[derive(Clone, Debug)]
pub struct Block {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The fields, in the order of their offsets.
    pub fields: Vec<Field>,
    /// The size: the end of the last field, in bytes.
    pub len: u64,
    /// The unions whose entry a field chooses.
    pub choices: Vec<Choice>,
}

/// A union in a block whose entry a field chooses. Its entries are also fields of the block, which overlap.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The name of the union.
    pub name: Name,
    /// The field that chooses the entry.
    pub selector: Selector,
    /// The entries, in order.
    pub entries: Vec<ChoiceEntry>,
}

/// An entry of a [`Choice`].
#[derive(Clone, Debug)]
pub struct ChoiceEntry {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Type,
    /// The values of the selector's enum that choose the entry.
    pub values: Vec<Name>,
    /// The fields of the block that the entry consists of.
    pub part: Part,
}

/// What a value in a block consists of.
#[derive(Clone, Debug)]
pub enum Part {
    /// The field with this name and type.
    Field(Name, Type),
    /// A structure with this name, from its fields in order.
    Struct(Name, Vec<Part>),
}

/// A field of a block.
#[derive(Clone, Debug)]
pub struct Field {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Type,
    /// The offset in the block, in bytes.
    pub offset: u64,
    /// The access of the driver.
    pub access: Access,
    /// The features that the field depends on. It exists with any of them. If the list is empty, it always exists.
    pub conditions: Vec<Condition>,
    /// The names in C.
    pub alias: CNames,
    /// The union that the field is part of. Fields of the same union overlap.
    pub overlay: Option<Name>,
}

/// What the driver can do with a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether it can read the field.
    pub read: bool,
    /// When it can write the field.
    pub write: Option<When>,
}

/// When the driver can write a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// Until DRIVER_OK is set.
    Setup,
}
