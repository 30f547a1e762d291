//! Enums, bit fields and constants.

use syn::Token;
use syn::parse::ParseStream;

use super::parser::{self, Docs, Number};
use crate::diagnostic::Diagnostics;
use crate::name::{CNames, Name};

/// An enum, for instance `enum stat_tag: u16 { swap_in = 0, swap_out = 1 }`.
///
/// The Rust enum has an additional variant for all other values, which is `Unknown` unless an entry such as `round = _` names
/// it. The type is an integer type such as `u8` or `le32`. A field of a structure or a block can have the enum as its type.
#[derive(Clone, Debug)]
pub struct Enum {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type of the values.
    pub repr: Name,
    /// The names in C.
    pub alias: CNames,
    /// The values.
    pub variants: Vec<Variant>,
}

/// A value of an [`Enum`]: `swap_in = 0`, or `swap_in` for the number after the previous value, or `round = _` for all other
/// values.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The value.
    pub value: VariantValue,
    /// The names in C.
    pub alias: CNames,
}

/// What a [`Variant`] stands for.
#[derive(Clone, Copy, Debug)]
pub enum VariantValue {
    /// `= 7`
    Number(Number),
    /// The number after the one of the previous entry, or 0 for the first entry.
    Next,
    /// `= _`: all values that no other entry has.
    Other,
}

/// A bit field, for instance `bits status: u8 { acknowledge = 0, driver = 1 }`. The type is an integer type such as `u8` or
/// `le32`. A field of a structure or a block can have the bit field as its type.
#[derive(Clone, Debug)]
pub struct Bits {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type of the bit field.
    pub repr: Name,
    /// The names in C.
    pub alias: CNames,
    /// The parts.
    pub fields: Vec<BitField>,
}

/// A part of [`Bits`]: `acknowledge = 0` is one bit, which can also be written as its mask, `1 << 0`. `vector = 0..11` is a
/// number in the bits 0 to 10.
#[derive(Clone, Debug)]
pub struct BitField {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The lowest bit.
    pub low: Number,
    /// The bit after the highest one, if the part is a range.
    pub end: Option<Number>,
    /// The names in C.
    pub alias: CNames,
}

/// A constant, for instance `const magic: u32 = 0x7472_6976;`. The type is an integer type such as `u8`, `le32`
/// or `usize`.
#[derive(Clone, Debug)]
pub struct Const {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: Name,
    /// The value.
    pub value: Number,
    /// The names in C.
    pub alias: CNames,
}

impl Enum {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (name, repr, alias) = head(input)?;
        Ok(Self { docs, name, repr, alias, variants: parser::entries(input, diagnostics, Variant::parse)? })
    }
}

impl Variant {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        let value = match input.parse::<Option<Token![=]>>()? {
            None => VariantValue::Next,
            Some(_) => match input.parse::<Option<Token![_]>>()? {
                Some(_) => VariantValue::Other,
                None => VariantValue::Number(Number::parse(input)?),
            },
        };
        Ok(Self { docs, name, value, alias: parser::alias(input)? })
    }
}

impl Bits {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (name, repr, alias) = head(input)?;
        Ok(Self { docs, name, repr, alias, fields: parser::entries(input, diagnostics, BitField::parse)? })
    }
}

impl BitField {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let low = Number::bit(input)?;
        let mut end = None;
        if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            end = Some(Number::parse(input)?);
        }
        Ok(Self { docs, name, low, end, alias: parser::alias(input)? })
    }
}

impl Const {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        input.parse::<Token![:]>()?;
        let ty = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let value = Number::parse(input)?;
        let alias = parser::alias(input)?;
        input.parse::<Token![;]>()?;
        Ok(Self { docs, name, ty, value, alias })
    }
}

/// Parses `name: type` and an optional C name.
fn head(input: ParseStream<'_>) -> syn::Result<(Name, Name, CNames)> {
    let name = Name::parse(input)?;
    input.parse::<Token![:]>()?;
    let integer = Name::parse(input)?;
    Ok((name, integer, parser::alias(input)?))
}
