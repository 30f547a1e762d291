//! Fields of configuration spaces, register blocks and structures.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token};

use super::c_field;
use super::clauses::{self, EntryKind};
use super::number::Number;
use super::parser::{self, Docs, Section};
use super::skipped::Skipped;
use super::types::TypeName;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::{CNames, Name};

/// The fields of a block: `{ num_pages: le32 read, actual: le32 read write }`.
///
/// Fields follow each other as in C. `@ 0x60` sets the offset of a field in bytes; the next field follows it.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The place of the keyword.
    pub span: Span,
    /// The names in C of a configuration space or of a part of a request. Structures and register blocks have their own.
    pub alias: CNames,
    /// The fields, in order.
    pub entries: Vec<Field>,
    /// What is missing from the list.
    pub skipped: Skipped,
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
        let (entries, skipped) = parser::entries(input, EntryKind::Field, diagnostics, Field::parse)?;
        Ok(Self { span, alias: CNames::default(), entries, skipped })
    }

    /// Parses the C names before the braces too.
    pub(crate) fn parse_named(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let mut alias = CNames::default();
        parser::header(input, diagnostics, |input| {
            alias = parser::alias(input)?;
            Ok(())
        })?;
        Ok(Self { alias, ..Self::parse(span, input, diagnostics)? })
    }

    /// Returns what the parser skipped in the fields.
    pub(super) fn all_skipped(&self) -> Vec<&Skipped> {
        let unions = self.entries.iter().filter_map(|field| field.ty.union.as_ref());
        [&self.skipped].into_iter().chain(unions.map(|union| &union.skipped)).collect()
    }
}

impl Field {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let (name, ty) = Self::name_and_type(input, diagnostics)?;
        let (access, conditions) = (Vec::new(), Vec::new());
        let mut field =
            Self { docs, name, ty, access, offset: None, conditions, value: None, alias: CNames::default() };
        let mut condition = None;
        // A name with a colon starts the next field; the comma before it is missing.
        while !input.is_empty() && !input.peek(Token![,]) && !input.peek(Token![;]) && !input.peek2(Token![:]) {
            if input.peek(Token![@]) {
                let span = input.parse::<Token![@]>()?.span;
                parser::once(&mut field.offset, Number::parse(input)?, span, "@")?;
            } else if input.peek(Token![=]) {
                let span = input.parse::<Token![=]>()?.span;
                let value = match input.peek(Ident::peek_any) && !input.peek2(syn::token::Paren) {
                    true => FieldValue::Named(Name::parse(input)?),
                    false => FieldValue::Number(Number::parse(input)?),
                };
                parser::once(&mut field.value, value, span, "=")?;
            } else if let Some(span) = parser::word(input, "if")? {
                let names = [vec![Name::parse(input)?], parser::alternatives(input)?].concat();
                parser::once(&mut condition, names, span, "if")?;
            } else if !parser::alias_once(input, &mut field.alias)? {
                match AccessWord::parse(input, diagnostics)? {
                    Some(word) => field.access.push(word),
                    None if clauses::misplaced(input, EntryKind::Field, diagnostics)? => {}
                    None => return Err(unexpected(input)),
                }
            }
        }
        field.conditions = condition.unwrap_or_default();
        Ok(field)
    }

    /// Parses `name: type`. A union may have no name; then the word `union` is the name. A field in the form of C, `type name`, is
    /// reported.
    fn name_and_type(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<(Name, TypeName)> {
        let ahead = input.fork();
        let is_union = Name::parse(&ahead).is_ok_and(|word| word.text == "union");
        if is_union && (ahead.peek(syn::token::Brace) || parser::peek_word(&ahead, "by")) {
            let ty = TypeName::parse(input, diagnostics)?;
            if input.peek(Ident::peek_any) && input.peek2(Token![;]) {
                let name = Name::parse(input)?;
                let error = Diagnostic::new(name.span, "the name of a union comes before it");
                diagnostics.push(error.help(format!("write `{}: union {{ … }},`", name.text)));
                return Ok((name, ty));
            }
            return Ok((ty.element.clone(), ty));
        }
        if let Some((name, element, len)) = c_field::parse(input, diagnostics)? {
            return Ok((name, TypeName { element, len, union: None }));
        }
        let name = Name::parse(input)?;
        if input.peek(Ident::peek_any) {
            diagnostics.push(Diagnostic::new(
                input.span(),
                format!("expected `:` between the name `{}` and its type", name.text),
            ));
        } else {
            input.parse::<Token![:]>()?;
        }
        Ok((name, TypeName::parse(input, diagnostics)?))
    }
}

/// The error for tokens after the type of a field that are not a clause.
fn unexpected(input: ParseStream<'_>) -> syn::Error {
    input.error(if input.peek(Token![:]) {
        "bit fields in a structure are not supported: define `bits name: u8 { first = 0, rest = 1..8 }` and use it as the type"
    } else if input.peek(syn::token::Brace) {
        "a definition inside a field is not supported: define an `enum` or `bits` beside the others and write its name as the type"
    } else if input.peek(Token![?]) {
        "optional fields are not supported here: write `if feature` after a field of a `config` or of a `request`"
    } else {
        "expected `read`, `write`, `setup`, `@`, `if`, `as` or `,`"
    })
}

impl AccessWord {
    /// Parses an access word. Returns `None` if the next token is not a word, or a word that starts another clause. A misspelled word
    /// is reported, and taken for the one that is meant.
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Option<Self>> {
        let Ok(word) = Name::parse(&input.fork()) else { return Ok(None) };
        let known = || Access::ALL.into_iter().map(|(text, _)| text);
        if let Some(text) = crate::foreign::access(&word.text) {
            let error = Diagnostic::new(word.span, format!("unknown access word `{}`", word.text));
            diagnostics.push(error.help(format!("write `{text}`")));
            Name::parse(input)?;
            return Ok(text.starts_with("read").then_some(Self { access: Access::Read, span: word.span }));
        }
        let near = crate::suggest::nearest(&word.text, known());
        let found = Access::ALL.into_iter().find(|(text, _)| Some(*text) == near);
        if known().all(|text| text != word.text) {
            if crate::foreign::clause_help(&word.text).is_some() {
                return Ok(None);
            }
            let suggestion = crate::suggest::did_you_mean(&word.text, known());
            let error = Diagnostic::new(word.span, format!("unknown access word `{}`{suggestion}", word.text));
            if found.is_none() {
                return Err(syn::Error::new(word.span, error.message));
            }
            diagnostics.push(error);
        }
        Name::parse(input)?;
        Ok(found.map(|(_, access)| Self { access, span: word.span }))
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
        let (name, alias) = head(input, diagnostics)?;
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
        let (name, alias) = head(input, diagnostics)?;
        let fields = Fields::parse(name.span, input, diagnostics)?;
        Ok(Self { docs, packed, name, alias, fields })
    }
}

/// Parses the name and the C names of a block or a structure, before the braces.
fn head(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<(Name, CNames)> {
    let (mut name, mut alias) = (Name::missing(input.span()), CNames::default());
    parser::header(input, diagnostics, |input| {
        name = Name::parse(input)?;
        if input.peek(Token![;]) || input.peek(Ident::peek_any) && input.peek2(Token![;]) {
            let message = "a declaration is not supported: write the fields of the structure in braces, or use its name as the \
                           type of a field";
            return Err(syn::Error::new(name.span, message));
        }
        alias = parser::alias(input)?;
        Ok(())
    })?;
    Ok((name, alias))
}

impl Section for Fields {
    fn keyword_span(&self) -> Span {
        self.span
    }
}
