//! Named values: enums, bit fields, constants.

use syn::Token;
use syn::parse::ParseStream;

use super::lex::{self, Docs, Number};
use crate::mistake::Mistakes;
use crate::name::Name;

/// A set of values, of which the other side may know more: `enum stat_tag: u16 { swap_in = 0, swap_out = 1 }`.
///
/// The Rust enum has one more variant for the values that the description does not know. The type is `u8`, `u16`,
/// `u32` or `u64`.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// The integer that it is stored as.
    pub repr: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its values.
    pub variants: Vec<Variant>,
}

/// A value of an [`Enum`]: `swap_in = 0`.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its number.
    pub value: Number,
    /// A C name.
    pub alias: Option<String>,
}

/// An integer made of bits with names: `bits status: u8 { acknowledge = 0, driver = 1 }`. The type is `u8`, `u16`,
/// `u32` or `u64`.
#[derive(Clone, Debug)]
pub struct Bits {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// The integer that it is.
    pub repr: Name,
    /// A C name.
    pub alias: Option<String>,
    /// Its parts.
    pub fields: Vec<BitField>,
}

/// A part of [`Bits`]: `acknowledge = 0`, one bit, or `vector = 0..11`, a number in the bits 0 to 10.
#[derive(Clone, Debug)]
pub struct BitField {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its lowest bit.
    pub low: Number,
    /// The bit after its highest, where it is a range.
    pub end: Option<Number>,
    /// A C name.
    pub alias: Option<String>,
}

/// A constant: `const magic: u32 = 0x7472_6976;`. The type is `u8`, `u16`, `u32`, `u64` or `usize`.
#[derive(Clone, Debug)]
pub struct Const {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: Name,
    /// Its value.
    pub value: Number,
    /// A C name.
    pub alias: Option<String>,
}

impl Enum {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        let (name, repr, alias) = head(input)?;
        Ok(Self { docs, name, repr, alias, variants: lex::entries(input, mistakes, Variant::parse)? })
    }
}

impl Variant {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        Ok(Self { docs, name, value: Number::parse(input)?, alias: lex::alias(input)? })
    }
}

impl Bits {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        let (name, repr, alias) = head(input)?;
        Ok(Self { docs, name, repr, alias, fields: lex::entries(input, mistakes, BitField::parse)? })
    }
}

impl BitField {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let low = Number::parse(input)?;
        let mut end = None;
        if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            end = Some(Number::parse(input)?);
        }
        Ok(Self { docs, name, low, end, alias: lex::alias(input)? })
    }
}

impl Const {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        input.parse::<Token![:]>()?;
        let ty = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let value = Number::parse(input)?;
        let alias = lex::alias(input)?;
        input.parse::<Token![;]>()?;
        Ok(Self { docs, name, ty, value, alias })
    }
}

/// `name: integer`, and perhaps a C name.
fn head(input: ParseStream<'_>) -> syn::Result<(Name, Name, Option<String>)> {
    let name = Name::parse(input)?;
    input.parse::<Token![:]>()?;
    let integer = Name::parse(input)?;
    Ok((name, integer, lex::alias(input)?))
}
