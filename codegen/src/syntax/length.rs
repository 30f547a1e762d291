//! Lengths of arrays.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token};

use super::number::Number;
use crate::name::Name;

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

impl Length {
    /// Parses the length in the brackets of an array.
    pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let len = match input.peek(Ident::peek_any) {
            true => Self::parse_name(input)?,
            false => Self::Number(Number::parse(input)?),
        };
        if input.is_empty() {
            return Ok(len);
        }
        let calculates = [
            input.peek(Token![*]),
            input.peek(Token![+]),
            input.peek(Token![-]),
            input.peek(Token![/]),
            input.peek(Token![|]),
            input.peek(syn::token::Paren),
        ];
        Err(input.error(match calculates.contains(&true) {
            true => "a calculation is not supported as a length: write the result, or define a `const`",
            false => "expected `]`",
        }))
    }

    /// Parses `name` or `config.name`.
    fn parse_name(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        if !input.peek(Token![.]) {
            return Ok(Self::Named(name));
        }
        input.parse::<Token![.]>()?;
        if name.text != "config" {
            let message = "a field inside a structure is not supported as a length: use a field of the `request` or of the \
                           `config`, or write no length";
            return Err(syn::Error::new(name.span, message));
        }
        Name::parse(input).map(Self::Config)
    }

    /// Parses what is between the brackets: nothing, or a length.
    pub(super) fn parse_content(element: &Name, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() { Ok(Self::Open(element.span)) } else { Self::parse(input) }
    }
}
