//! Types of fields.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token, bracketed};

use super::parser::{self, Docs, Number};
use crate::name::Name;

/// The type of a field: `u8`; `le16`, `le32`, `le64` (little-endian on every interface; `u16`, `u32` and `u64` mean the
/// same); `be16`, `be32`, `be64` (big-endian); `virtio16`, `virtio32`, `virtio64` (little-endian, but guest-endian on the legacy
/// interface); the name of a structure, an enum or a bit field; or an array of one of these, such as `[u8; 6]`.
#[derive(Clone, Debug)]
pub struct TypeName {
    /// The type, or the element type of an array.
    pub element: Name,
    /// The length of an array.
    pub len: Option<Length>,
    /// The union, if the type is one. Then `element` is the word `union`.
    pub union: Option<Union>,
}

/// The length of an array: a number, or the name of a constant in the same device or module. A request has more kinds.
#[derive(Clone, Debug)]
pub enum Length {
    /// `[u8; 6]`
    Number(Number),
    /// `[u8; max_channels]`. In a request it can also be a field.
    Named(Name),
    /// `[u8; config.cdb_size]`, in a request.
    Config(Name),
    /// `[u8]`, at the end of a structure or in a request, with the place of the bracket.
    Open(Span),
}

/// A union, as the type of a field: `u: union by type { plug: req_plug, state: req_state }`.
///
/// `by type` names a field before it, whose type is an enum. The value of the field says which entry the union contains: the entry
/// with the name of the value, or the entry with the value after `if`: `string: [u8; 128] if id_name or id_serial`. A field `union { … }` without a name has the name `union`.
#[derive(Clone, Debug)]
pub struct Union {
    /// The place of the word `union`.
    pub span: Span,
    /// The field whose value chooses the entry.
    pub selector: Option<Name>,
    /// The entries, in order.
    pub entries: Vec<UnionEntry>,
}

/// An entry of a [`Union`].
#[derive(Clone, Debug)]
pub struct UnionEntry {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The type.
    pub ty: TypeName,
    /// The values that choose the entry. If the list is empty, the value with the name of the entry does.
    pub values: Vec<Name>,
}

impl TypeName {
    pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::token::Bracket) {
            let content;
            bracketed!(content in input);
            return parser::group(&content, |content| {
                if content.peek(syn::token::Bracket) {
                    let message = "arrays of arrays are not supported: define a `struct` that contains the inner array";
                    return Err(content.error(message));
                }
                let element = Name::parse(content)?;
                reject_path(content)?;
                if content.is_empty() {
                    return Ok(Self { len: Some(Length::Open(element.span)), element, union: None });
                }
                content.parse::<Token![;]>()?;
                let len = match content.peek(Ident::peek_any) {
                    true => Length::parse_name(content)?,
                    false => Length::Number(Number::parse(content)?),
                };
                if content.is_empty() {
                    Ok(Self { element, len: Some(len), union: None })
                } else if [content.peek(Token![*]), content.peek(Token![+]), content.peek(Token![-])].contains(&true) {
                    Err(content
                        .error("a calculation is not supported as a length: write the result, or define a `const`"))
                } else {
                    Err(content.error("expected `]`"))
                }
            });
        }
        let element = Name::parse(input).map_err(|error| syn::Error::new(error.span(), "expected a type"))?;
        reject_path(input)?;
        let is_union = element.text == "union" && (input.peek(syn::token::Brace) || parser::peek_word(input, "by"));
        let union = if is_union { Some(Union::parse(element.span, input)?) } else { None };
        Ok(Self { element, len: None, union })
    }
}

/// Reports a type of another device or module.
fn reject_path(input: ParseStream<'_>) -> syn::Result<()> {
    match input.peek(Token![::]) {
        true => {
            Err(input.error("types of another device or module are not supported: describe the type again in this one"))
        }
        false => Ok(()),
    }
}

impl Length {
    /// Parses `name` or `config.name`.
    fn parse_name(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        if !input.peek(Token![.]) {
            return Ok(Self::Named(name));
        }
        input.parse::<Token![.]>()?;
        if name.text != "config" {
            let message = "a length can be a number, a name, or `config` and a field of the configuration space";
            return Err(syn::Error::new(name.span, message));
        }
        Name::parse(input).map(Self::Config)
    }
}

impl Union {
    /// Parses a union after the word `union`.
    pub(super) fn parse(span: Span, input: ParseStream<'_>) -> syn::Result<Self> {
        let selector = match parser::word(input, "by")? {
            Some(_) => Some(Name::parse(input)?),
            None => None,
        };
        let content;
        syn::braced!(content in input);
        let entries = parser::group(&content, |content| {
            let mut entries = Vec::new();
            while !content.is_empty() {
                entries.push(UnionEntry::parse(content)?);
                if !content.is_empty() {
                    content.parse::<Token![,]>()?;
                }
            }
            Ok(entries)
        })?;
        Ok(Self { span, selector, entries })
    }
}

impl UnionEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![:]>()?;
        let ty = TypeName::parse(input)?;
        let values = match parser::word(input, "if")? {
            Some(_) => [vec![Name::parse(input)?], parser::alternatives(input)?].concat(),
            None => Vec::new(),
        };
        Ok(Self { docs, name, ty, values })
    }
}
