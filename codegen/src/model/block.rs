//! Register blocks and configuration spaces.

use super::condition::Condition;
use super::types::Type;
use crate::name::Name;
use crate::syntax::Docs;

/// A block of registers or a configuration space.
#[derive(Clone, Debug)]
pub struct Block {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The C name, if it has one.
    pub alias: Option<String>,
    /// The fields, in the order of their offsets.
    pub fields: Vec<Field>,
    /// The size: the end of the last field, in bytes.
    pub len: u64,
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
    /// The C name, if it has one.
    pub alias: Option<String>,
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
