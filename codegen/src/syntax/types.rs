//! Types of fields.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token, bracketed};

use super::c_field;
use super::clauses::{self, EntryKind};
use super::length::Length;
use super::parser::{self, Docs};
use super::skipped::Skipped;
use crate::diagnostic::{Diagnostic, Diagnostics};
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
    /// What is missing from the list.
    pub skipped: Skipped,
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
    pub(super) fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        if input.peek(syn::token::Bracket) {
            let content;
            bracketed!(content in input);
            return parser::group(&content, |content| {
                let element = element(content, diagnostics)?;
                if content.is_empty() {
                    return Ok(Self { len: Some(Length::Open(element.span)), element, union: None });
                }
                if content.peek(Token![,]) {
                    return Err(content.error("expected `;` before the length of the array"));
                }
                content.parse::<Token![;]>()?;
                Ok(Self { element, len: Some(Length::parse(content)?), union: None })
            });
        }
        let element = element(input, diagnostics)?;
        if let Some(len) = length_suffix(&element, input, diagnostics)? {
            return Ok(Self { element, len: Some(len), union: None });
        }
        let is_union = element.text == "union" && (input.peek(syn::token::Brace) || parser::peek_word(input, "by"));
        let union = if is_union { Some(Union::parse(element.span, input, diagnostics)?) } else { None };
        Ok(Self { element, len: None, union })
    }
}

/// Parses a type without a length. The forms of other languages are reported, and taken for what they mean if possible.
fn element(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Name> {
    if input.peek(syn::token::Bracket) {
        return Err(input.error("arrays of arrays are not supported: define a `struct` that contains the inner array"));
    }
    if input.peek(Token![*]) || input.peek(Token![&]) {
        let span = input.span();
        input.parse::<TokenTree>()?;
        let mut words = words(input);
        let pointee = words.pop().ok_or_else(|| input.error("expected a type"))?;
        diagnostics.push(pointer(span.join(pointee.span).unwrap_or(span)));
        return Ok(Name { text: "le64".into(), span });
    }
    if input.peek(LitInt) {
        return Err(input.error(
            "expected a type, found a number: describe some of the bits of an integer in `bits name: u8 { … }`",
        ));
    }
    let first = Name::parse(input).map_err(|error| syn::Error::new(error.span(), "expected a type"))?;
    let element = match first.text.as_str() {
        "struct" | "packed" | "enum" | "bits" => inner_type(first, input, diagnostics)?,
        "unsigned" | "signed" | "const" | "volatile" | "long" | "short" if input.peek(Ident::peek_any) => {
            c_field::integer(first, words(input), diagnostics)
        }
        _ => first,
    };
    reject_path(input)?;
    if input.peek(Token![<]) && !input.peek(Token![<<]) {
        return Err(input.error("types with parameters are not supported: write the type itself"));
    }
    if element.text != "union" && input.peek(Token![*]) {
        let span = input.parse::<Token![*]>()?.span;
        diagnostics.push(pointer(span));
        return Ok(Name { text: "le64".into(), span: element.span });
    }
    Ok(element)
}

/// Parses words up to another token.
fn words(input: ParseStream<'_>) -> Vec<Name> {
    let mut words = Vec::new();
    while input.peek(Ident::peek_any) && !clauses::is_next(input) {
        words.extend(Name::parse(input));
    }
    words
}

/// The error for a pointer.
fn pointer(span: Span) -> Diagnostic {
    Diagnostic::new(span, "pointers are not supported")
        .help("write `le64` for the address of memory; data in the same buffer is an array, such as `[u8]`")
}

/// Parses the rest of `struct name`, a type in the form of C, after its keyword. Rejects a definition inside of a field.
fn inner_type(keyword: Name, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Name> {
    let is_packed = keyword.text == "packed";
    let kind = match parser::word(input, "struct")?.is_some() || is_packed {
        true => "struct",
        false => keyword.text.as_str(),
    };
    let name = match input.peek(Ident::peek_any) && !clauses::is_next(input) {
        true => Some(Name::parse(input)?),
        false => None,
    };
    if input.peek(syn::token::Brace) || input.peek(Token![:]) {
        let message = format!(
            "a definition inside a field is not supported: define the `{kind}` beside the others and write its name as the type"
        );
        return Err(syn::Error::new(keyword.span, message));
    }
    let Some(name) = name else { return Ok(keyword) };
    let message = format!("`{}` is not a part of the type", keyword.text);
    diagnostics.push(Diagnostic::new(keyword.span, message).help(format!("write `{}`", name.text)));
    Ok(name)
}

/// Reports a type of another device or module.
fn reject_path(input: ParseStream<'_>) -> syn::Result<()> {
    match input.peek(Token![::]) || input.peek(Token![.]) {
        true => {
            Err(input.error("types of another device or module are not supported: describe the type again in this one"))
        }
        false => Ok(()),
    }
}

/// Parses and reports the length of an array in the form of C, `u8[6]`, if it comes next.
fn length_suffix(element: &Name, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Option<Length>> {
    let Some((len, text)) = c_field::length(element, input)? else { return Ok(None) };
    let element = &element.text;
    let error = Diagnostic::new(input.span(), "the length of an array comes after the type, in the same brackets");
    diagnostics.push(error.help(format!("write `[{element}{text}]`")));
    Ok(Some(len))
}

impl Union {
    /// Parses a union after the word `union`.
    fn parse(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let selector = match parser::word(input, "by")? {
            Some(_) => Some(Name::parse(input)?),
            None => None,
        };
        let (entries, skipped) = parser::entries(input, EntryKind::UnionEntry, diagnostics, UnionEntry::parse)?;
        Ok(Self { span, selector, entries, skipped })
    }
}

impl UnionEntry {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let (name, ty) = match c_field::parse(input, diagnostics)? {
            Some((name, element, len)) => (name, TypeName { element, len, union: None }),
            None => {
                let name = Name::parse(input)?;
                input.parse::<Token![:]>()?;
                (name, TypeName::parse(input, diagnostics)?)
            }
        };
        let values = match parser::word(input, "if")? {
            Some(_) => [vec![Name::parse(input)?], parser::alternatives(input)?].concat(),
            None => Vec::new(),
        };
        Ok(Self { docs, name, ty, values })
    }
}
