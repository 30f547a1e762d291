//! The small parts: documentation, names, numbers, lists, and how reading goes on after an error.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitInt, LitStr, Token, braced};

use crate::mistake::{Mistake, Mistakes};
use crate::name::Name;

/// Documentation: `/// text`, any number of lines. It becomes the documentation of the generated item.
#[derive(Clone, Debug, Default)]
pub struct Docs(pub Vec<String>);

impl Docs {
    /// Reads the documentation of what follows.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Self::from_attributes(input.call(Attribute::parse_outer)?)
    }

    /// Reads the documentation of what is around: `//! text`.
    pub(crate) fn parse_inner(input: ParseStream<'_>) -> syn::Result<Self> {
        Self::from_attributes(input.call(Attribute::parse_inner)?)
    }

    fn from_attributes(attributes: Vec<Attribute>) -> syn::Result<Self> {
        let mut lines = Vec::new();
        for attribute in attributes {
            let text = match &attribute.meta {
                syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            };
            let Some(text) = text else {
                let message = "attributes have no meaning in a description, only `///` documentation has";
                return Err(syn::Error::new_spanned(attribute, message));
            };
            lines.extend(text.split('\n').map(|line| line.trim_end().to_owned()));
        }
        Ok(Self(lines))
    }
}

/// A number: a Rust integer literal in any base, `40`, `0x100`, `0b1010`, `1_000`. Never negative.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Its value.
    pub value: u64,
    /// Where it is written.
    pub span: Span,
}

impl Number {
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![-]) {
            return Err(input.error("expected a number of 0 or more"));
        }
        let literal: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), "expected a number"))?;
        if !literal.suffix().is_empty() {
            return Err(syn::Error::new(literal.span(), "numbers in a description have no type suffix"));
        }
        let value = literal.base10_parse();
        let value = value.map_err(|_| syn::Error::new(literal.span(), "this number does not fit into 64 bits"))?;
        Ok(Self { value, span: literal.span() })
    }
}

impl Name {
    /// Reads a name. Keywords of Rust are read as well, so that they can be reported as such.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ident = Ident::parse_any(input).map_err(|error| syn::Error::new(error.span(), "expected a name"))?;
        Ok(Self { text: ident.to_string(), span: ident.span() })
    }
}

/// Whether the next token is this word, a keyword of Rust or not.
pub(crate) fn peek_word(input: ParseStream<'_>, word: &str) -> bool {
    input.fork().call(Ident::parse_any).is_ok_and(|ident| ident == word)
}

/// Skips the next token, where it is this word.
pub(crate) fn word(input: ParseStream<'_>, word: &str) -> syn::Result<Option<Span>> {
    if peek_word(input, word) { Ok(Some(input.call(Ident::parse_any)?.span())) } else { Ok(None) }
}

/// Reads `or name or name …`, where it is next: the names after a first one.
pub(crate) fn alternatives(input: ParseStream<'_>) -> syn::Result<Vec<Name>> {
    let mut others = Vec::new();
    while word(input, "or")?.is_some() {
        others.push(Name::parse(input)?);
    }
    Ok(others)
}

/// Reads `as "C_NAME"`, where it is next.
pub(crate) fn alias(input: ParseStream<'_>) -> syn::Result<Option<String>> {
    if word(input, "as")?.is_none() {
        return Ok(None);
    }
    let expected = |error: syn::Error| syn::Error::new(error.span(), "expected the C name as a string");
    input.parse::<LitStr>().map(|name| Some(name.value())).map_err(expected)
}

/// Reads `as "C_NAME"`, where it is next, as a clause of an entry that may have it once.
pub(crate) fn alias_once(input: ParseStream<'_>, slot: &mut Option<String>) -> syn::Result<bool> {
    let span = input.span();
    match alias(input)? {
        Some(given) => once(slot, given, span, "as").map(|()| true),
        None => Ok(false),
    }
}

/// Keeps a clause that may stand once only in an entry.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T, span: Span, clause: &str) -> syn::Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(span, format!("`{clause}` is there twice"))),
    }
}

/// Reads `{ entry, entry, … }`. A wrong entry is reported and skipped.
pub(crate) fn entries<T>(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut entry: impl FnMut(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    let content;
    braced!(content in input);
    let mut entries = Vec::new();
    while !content.is_empty() {
        match entry(&content) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                mistakes.push_syntax(error);
                skip_entry(&content);
                continue;
            }
        }
        if content.is_empty() {
            break;
        }
        if content.peek(Token![,]) {
            content.parse::<Token![,]>()?;
        } else {
            let message = "expected `,` before the next entry, or `}` after the last";
            mistakes.push(Mistake::new(content.span(), message));
            // A name begins the next entry, of which only the comma is missing.
            if !content.peek(Ident::peek_any) {
                skip_entry(&content);
            }
        }
    }
    Ok(entries)
}

/// Reads what is in a group with `parse`. After an error nothing is left in the group, else `syn` would complain of it
/// a second time.
pub(crate) fn whole<T>(
    input: ParseStream<'_>,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    let result = parse(input);
    if result.is_err() {
        while input.parse::<TokenTree>().is_ok() {}
    }
    result
}

/// Goes on behind the next comma.
fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() {
        if input.parse::<Token![,]>().is_ok() || input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Goes on behind the next block in braces or the next semicolon.
pub(crate) fn skip_item(input: ParseStream<'_>) {
    while !input.is_empty() {
        match input.parse::<TokenTree>() {
            Ok(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Brace => return,
            Ok(TokenTree::Punct(punct)) if punct.as_char() == ';' => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// An item starts with a word that is none of those that can stand here.
pub(crate) fn unknown_keyword(found: &Name, known: &[&str], place: &str) -> Mistake {
    let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let near = crate::near::hint(&found.text, known.iter().copied());
    Mistake::new(found.span, format!("unknown keyword `{}` {place}{near}", found.text))
        .help(format!("expected one of {}", list.join(", ")))
}
