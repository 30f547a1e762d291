//! Enums, bit fields and constants.

use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token};

use super::clauses::EntryKind;
use super::number::Number;
use super::parser::{self, Docs};
use super::skipped::Skipped;
use crate::diagnostic::{Diagnostic, Diagnostics};
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
    /// What is missing from the list.
    pub skipped: Skipped,
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
    /// What is missing from the list.
    pub skipped: Skipped,
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
        let (name, repr, alias) = head("enum", input, diagnostics)?;
        let (variants, skipped) =
            parser::entries(input, EntryKind::Value, diagnostics, |input, _| Variant::parse(input))?;
        Ok(Self { docs, name, repr, alias, variants, skipped })
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
        let (name, repr, alias) = head("bits", input, diagnostics)?;
        let (fields, skipped) = parser::entries(input, EntryKind::BitField, diagnostics, BitField::parse)?;
        Ok(Self { docs, name, repr, alias, fields, skipped })
    }
}

impl BitField {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        if input.peek(Token![:]) {
            let message = "the width of a part is not supported: write its bits as a range, such as `level = 4..12`";
            return Err(input.error(message));
        }
        input.parse::<Token![=]>()?;
        let (low, mut end) = Number::bit(input, diagnostics)?;
        if input.peek(Token![..=]) {
            return Err(input.error("an inclusive range is not supported: write `0..4` for the bits 0 to 3"));
        }
        if input.peek(Token![..]) {
            input.parse::<Token![..]>()?;
            end = Some(Number::parse(input)?);
        }
        Ok(Self { docs, name, low, end, alias: parser::alias(input)? })
    }
}

impl Const {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        if input.peek(Token![=]) {
            let message = format!("missing type of `{0}`: write `const {0}: le32 = …`, for instance", name.text);
            return Err(syn::Error::new(name.span, message));
        }
        input.parse::<Token![:]>()?;
        let ty = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let value = Number::parse(input)?;
        parser::reject_operator(input)?;
        let alias = parser::alias(input)?;
        if input.peek(Token![,]) || input.peek(Ident::peek_any) || input.peek(Token![#]) || input.is_empty() {
            diagnostics.push(Diagnostic::new(input.span(), "expected `;` after a constant"));
            input.parse::<Option<Token![,]>>()?;
        } else {
            input.parse::<Token![;]>()?;
        }
        Ok(Self { docs, name, ty, value, alias })
    }
}

/// Parses `name: type` and an optional C name, before the braces. The type is missing ([`Name::is_missing`]) after an error in it.
fn head(keyword: &str, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<(Name, Name, CNames)> {
    let (mut name, mut repr) = (Name::missing(input.span()), Name::missing(input.span()));
    let mut alias = CNames::default();
    parser::header(input, diagnostics, |input| {
        name = Name::parse(input)?;
        if input.peek(syn::token::Brace) || parser::peek_word(input, "as") {
            let message = format!("missing type of `{0}`: write `{keyword} {0}: le32`, for instance", name.text);
            return Err(syn::Error::new(name.span, message));
        }
        input.parse::<Token![:]>()?;
        repr = Name::parse(input)?;
        alias = parser::alias(input)?;
        Ok(())
    })?;
    Ok((name, repr, alias))
}
