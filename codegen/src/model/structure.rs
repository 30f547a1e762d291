//! Structures.

use super::types::Type;
use crate::name::{CNames, Name};
use crate::syntax::Docs;

/// A structure.
#[derive(Clone, Debug)]
pub struct Struct {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The fields, in order.
    pub fields: Vec<StructField>,
    /// The size in bytes.
    pub size: u64,
    /// The alignment of the C structure in bytes: 1 if it is packed.
    pub align: u64,
    /// Whether the structure has a number whose byte order depends on the interface.
    pub has_byte_order: bool,
    /// The last field, if it is an array without a length. The size does not include it.
    pub tail: Option<StructField>,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct StructField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The type.
    pub ty: Type,
    /// The offset in the structure, in bytes.
    pub offset: u64,
}
