//! Fields of configuration spaces, register blocks and structures.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token};

use super::parser::{self, Docs, Number, Section};
use super::types::TypeName;
use crate::diagnostic::Diagnostics;
use crate::name::{CNames, Name};

/// The fields of a block: `{ num_pages: le32 read, actual: le32 read write }`.
///
/// Fields follow each other as in C. `@ 0x60` sets the offset of a field in bytes; the next field follows it.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The place of the keyword.
    pub span: Span,
    /// The fields, in order.
    pub entries: Vec<Field>,
}

/// A field: `name: type`, and in a block also its access.
///
/// These clauses can follow the type, in any order: the words `read`, `write` and `setup` ([`Access`]); the offset
/// `@ 0x60`; `if feature` or `if feature or other` for a field that depends on features; `as "C_NAME"`.
#[derive(Clone, Debug)]
pub struct Field {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: TypeName,
    /// The access words.
    pub access: Vec<AccessWord>,
    /// The offset, if it is given.
    pub offset: Option<Offset>,
    /// The features that the field depends on. It exists with any of them. If the list is empty, it always exists.
    pub conditions: Vec<Name>,
    /// The value of a field that always has the same value.
    pub value: Option<FieldValue>,
    /// The names in C.
    pub alias: CNames,
}

/// The value of a field that always has the same value, in a request.
#[derive(Clone, Debug)]
pub enum FieldValue {
    /// `= 7`
    Number(Number),
    /// `= flush`: a value of the field's enum.
    Named(Name),
}

/// What the driver can do with a field of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `read`: read the field.
    Read,
    /// `write`: write the field at any time.
    Write,
    /// `setup`: write the field until DRIVER_OK is set.
    Setup,
}

/// An access word in a description.
#[derive(Clone, Copy, Debug)]
pub struct AccessWord {
    /// The access.
    pub access: Access,
    /// The place of the word.
    pub span: Span,
}

/// The offset of a field: `@ 0x60`, in bytes from the start of the block.
pub type Offset = Number;

/// A block of registers outside a configuration space: `registers modern { magic_value: le32 read @ 0, … }`.
#[derive(Clone, Debug)]
pub struct Registers {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The fields.
    pub fields: Fields,
}

/// A structure in memory. `struct desc { addr: virtio64, len: virtio32 }` has the layout of C, and every field must be
/// aligned to its size. `packed struct stat { tag: virtio16, val: virtio64 }` has no alignment.
///
/// Padding is not implicit: write it as a field. A structure with a `virtio` field is generic over the byte order.
#[derive(Clone, Debug)]
pub struct Struct {
    /// The documentation.
    pub docs: Docs,
    /// The place of the word `packed`, if it is present.
    pub packed: Option<Span>,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The fields.
    pub fields: Fields,
}

impl Access {
    pub(crate) const ALL: [(&str, Self); 3] = [("read", Self::Read), ("write", Self::Write), ("setup", Self::Setup)];
}

impl Fields {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        Ok(Self { span, entries: parser::entries(input, diagnostics, Field::parse)? })
    }
}

impl Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        // A union may have no name; then the word `union` is the name.
        let ahead = input.fork();
        let is_unnamed = Name::parse(&ahead).is_ok_and(|word| word.text == "union")
            && (ahead.peek(syn::token::Brace) || parser::peek_word(&ahead, "by"));
        let (name, ty) = match is_unnamed {
            true => {
                let ty = TypeName::parse(input)?;
                (ty.element.clone(), ty)
            }
            false => {
                let name = Name::parse(input)?;
                input.parse::<Token![:]>()?;
                (name, TypeName::parse(input)?)
            }
        };
        let (access, conditions) = (Vec::new(), Vec::new());
        let mut field =
            Self { docs, name, ty, access, offset: None, conditions, value: None, alias: CNames::default() };
        let mut condition = None;
        // A name with a colon starts the next field; the comma before it is missing.
        while !input.is_empty() && !input.peek(Token![,]) && !input.peek2(Token![:]) {
            if input.peek(Token![@]) {
                let span = input.parse::<Token![@]>()?.span;
                parser::once(&mut field.offset, Number::parse(input)?, span, "@")?;
            } else if input.peek(Token![=]) {
                let span = input.parse::<Token![=]>()?.span;
                let value = match input.peek(Ident::peek_any) {
                    true => FieldValue::Named(Name::parse(input)?),
                    false => FieldValue::Number(Number::parse(input)?),
                };
                parser::once(&mut field.value, value, span, "=")?;
            } else if let Some(span) = parser::word(input, "if")? {
                let names = [vec![Name::parse(input)?], parser::alternatives(input)?].concat();
                parser::once(&mut condition, names, span, "if")?;
            } else if !parser::alias_once(input, &mut field.alias)? {
                field.access.push(AccessWord::parse(input)?);
            }
        }
        field.conditions = condition.unwrap_or_default();
        Ok(field)
    }
}

impl AccessWord {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let expected = "expected `read`, `write`, `setup`, `@`, `if`, `as` or `,`";
        let word = Name::parse(input).map_err(|error| syn::Error::new(error.span(), expected))?;
        match Access::ALL.into_iter().find(|(text, _)| *text == word.text) {
            Some((_, access)) => Ok(Self { access, span: word.span }),
            None => {
                let near = crate::suggest::did_you_mean(&word.text, ["read", "write", "setup"]);
                Err(syn::Error::new(word.span, format!("unknown access word `{}`{near}", word.text)))
            }
        }
    }
}

impl FieldValue {
    /// Returns the place of the value.
    pub fn span(&self) -> Span {
        match self {
            Self::Number(number) => number.span,
            Self::Named(name) => name.span,
        }
    }
}

impl Registers {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let alias = parser::alias(input)?;
        let fields = Fields::parse(name.span, input, diagnostics)?;
        Ok(Self { docs, name, alias, fields })
    }
}

impl Struct {
    pub(crate) fn parse(
        docs: Docs,
        packed: Option<Span>,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let alias = parser::alias(input)?;
        let fields = Fields::parse(name.span, input, diagnostics)?;
        Ok(Self { docs, packed, name, alias, fields })
    }
}

impl Section for Fields {
    fn keyword_span(&self) -> Span {
        self.span
    }
}
