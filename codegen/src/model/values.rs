//! Enums, bit fields and constants.

use super::numbers::Int;
use crate::name::{CNames, Name};
use crate::syntax::Docs;

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The type of the values.
    pub repr: Int,
    /// The values, in order.
    pub variants: Vec<Variant>,
    /// The variant for all other values, if the description names it.
    pub other: Option<Other>,
}

/// The variant of an enum for all values that have no number in the description.
#[derive(Clone, Debug)]
pub struct Other {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The number.
    pub value: u64,
}

/// A bit field.
#[derive(Clone, Debug)]
pub struct Bits {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The type of the bit field.
    pub repr: Int,
    /// The parts, lowest bits first.
    pub fields: Vec<BitField>,
}

/// A part of a bit field.
#[derive(Clone, Debug)]
pub struct BitField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The lowest bit.
    pub low: u32,
    /// The width in bits, or `None` for a flag.
    pub width: Option<u32>,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Const {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The type.
    pub ty: Int,
    /// The value.
    pub value: u64,
}
