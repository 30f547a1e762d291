//! Parsers for the parts that many items share, and error recovery.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitInt, LitStr, Token, braced};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::{CNames, Name};

/// Documentation: one or more lines of `/// text`. It becomes the documentation of the generated item.
#[derive(Clone, Debug, Default)]
pub struct Docs(pub Vec<String>);

impl Docs {
    /// Parses `/// text`, the documentation of the next item.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Self::from_attributes(input.call(Attribute::parse_outer)?)
    }

    /// Parses `//! text`, the documentation of the whole file.
    pub(crate) fn parse_inner(input: ParseStream<'_>) -> syn::Result<Self> {
        Self::from_attributes(input.call(Attribute::parse_inner)?)
    }

    fn from_attributes(attributes: Vec<Attribute>) -> syn::Result<Self> {
        let mut lines = Vec::new();
        for attribute in attributes {
            let Some(text) = doc_text(&attribute) else {
                let message = "attributes are not allowed in a description; only `///` documentation is";
                return Err(syn::Error::new_spanned(attribute, message));
            };
            lines.extend(text.split('\n').map(|line| line.trim_end().to_owned()));
        }
        Ok(Self(lines))
    }
}

/// The text of `#[doc = "text"]`, which is how the lexer presents `/// text`.
fn doc_text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A number: a Rust integer literal in any base, for instance `40`, `0x100`, `0b1010` or `1_000`.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The value of the number.
    pub value: u64,
    /// The place of the number.
    pub span: Span,
}

impl Number {
    /// Parses `7` or `1 << 4`.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let base = Self::literal(input)?;
        match Self::shift(input)? {
            Some(shift) => base.shifted(shift),
            None => Ok(base),
        }
    }

    /// Parses `<< 4` if it comes next.
    fn shift(input: ParseStream<'_>) -> syn::Result<Option<Self>> {
        if !input.peek(Token![<<]) {
            return Ok(None);
        }
        input.parse::<Token![<<]>()?;
        Self::literal(input).map(Some)
    }

    fn shifted(self, shift: Self) -> syn::Result<Self> {
        let places = u32::try_from(shift.value).ok();
        let value = places.and_then(|places| self.value.checked_shl(places)).filter(|value| {
            // A shift that loses bits is a mistake.
            places.is_some_and(|places| value >> places == self.value)
        });
        let message = "the number does not fit into 64 bits";
        let value = value.ok_or_else(|| syn::Error::new(shift.span, message))?;
        Ok(Self { value, span: self.span.join(shift.span).unwrap_or(self.span) })
    }

    /// Parses the number of a bit: `4`, or `1 << 4` for the mask that C headers have.
    pub(crate) fn bit(input: ParseStream<'_>) -> syn::Result<Self> {
        let base = Self::literal(input)?;
        match Self::shift(input)? {
            Some(shift) if base.value == 1 => Ok(shift),
            Some(shift) => base.shifted(shift),
            None => Ok(base),
        }
    }

    fn literal(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![-]) {
            return Err(input.error("negative numbers are not allowed"));
        }
        let literal: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), "expected a number"))?;
        if !literal.suffix().is_empty() {
            return Err(syn::Error::new(literal.span(), "type suffixes are not allowed on numbers"));
        }
        let value = literal.base10_parse();
        let value = value.map_err(|_| syn::Error::new(literal.span(), "the number does not fit into 64 bits"))?;
        Ok(Self { value, span: literal.span() })
    }
}

impl Name {
    /// Parses a name. Rust keywords are names too, with or without `r#`.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ident = Ident::parse_any(input).map_err(|error| syn::Error::new(error.span(), "expected a name"))?;
        Ok(Self { text: ident.unraw().to_string(), span: ident.span() })
    }
}

/// A section of a device that can appear only once.
pub(crate) trait Section {
    /// The place of the section's keyword.
    fn keyword_span(&self) -> Span;
}

/// Returns whether the next token is `word`, which may be a Rust keyword.
pub(crate) fn peek_word(input: ParseStream<'_>, word: &str) -> bool {
    input.fork().call(Ident::parse_any).is_ok_and(|ident| ident == word)
}

/// Parses `word` if it is the next token.
pub(crate) fn word(input: ParseStream<'_>, word: &str) -> syn::Result<Option<Span>> {
    if peek_word(input, word) { Ok(Some(input.call(Ident::parse_any)?.span())) } else { Ok(None) }
}

/// Parses `or name or name …`, the names after the first alternative.
pub(crate) fn alternatives(input: ParseStream<'_>) -> syn::Result<Vec<Name>> {
    let mut others = Vec::new();
    while word(input, "or")?.is_some() {
        others.push(Name::parse(input)?);
    }
    Ok(others)
}

/// Parses `as "C_NAME"` or `as "C_NAME" or "OTHER_NAME"` if it comes next.
pub(crate) fn alias(input: ParseStream<'_>) -> syn::Result<CNames> {
    let mut names = Vec::new();
    let mut next = word(input, "as")?;
    while next.is_some() {
        let expected = |error: syn::Error| syn::Error::new(error.span(), "expected the C name as a string");
        names.push(input.parse::<LitStr>().map_err(expected)?.value());
        next = word(input, "or")?;
    }
    Ok(CNames(names))
}

/// Parses C names like [`alias`], in an entry whose clauses have no fixed order. Returns whether there were any.
pub(crate) fn alias_once(input: ParseStream<'_>, slot: &mut CNames) -> syn::Result<bool> {
    let span = input.span();
    let names = alias(input)?;
    match (names.0.is_empty(), slot.0.is_empty()) {
        (true, _) => Ok(false),
        (false, true) => {
            *slot = names;
            Ok(true)
        }
        (false, false) => Err(syn::Error::new(span, "duplicate `as`")),
    }
}

/// Stores a clause that an entry can have only once.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T, span: Span, clause: &str) -> syn::Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(span, format!("duplicate `{clause}`"))),
    }
}

/// Parses `{ entry, entry, … }`. An invalid entry is reported and skipped.
pub(crate) fn entries<T>(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
    mut entry: impl FnMut(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    let content;
    braced!(content in input);
    let mut entries = Vec::new();
    while !content.is_empty() {
        match entry(&content) {
            Ok(entry) => {
                entries.push(entry);
                separator(&content, diagnostics)?;
            }
            Err(error) => {
                diagnostics.push_syntax(error);
                skip_entry(&content);
            }
        }
    }
    Ok(entries)
}

/// Parses the comma after an entry, unless the entry is the last one. A missing comma is reported.
fn separator(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if input.peek(Token![,]) {
        return input.parse::<Token![,]>().map(|_| ());
    }
    diagnostics.push(Diagnostic::new(input.span(), "expected `,` or `}` after the entry"));
    // If a name follows, it starts the next entry and only the comma is missing.
    if !input.peek(Ident::peek_any) {
        skip_entry(input);
    }
    Ok(())
}

/// Parses the content of a group. After an error the rest of the group is skipped; otherwise `syn` would report it as a
/// second error.
pub(crate) fn group<T>(
    input: ParseStream<'_>,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    let result = parse(input);
    if result.is_err() {
        while input.parse::<TokenTree>().is_ok() {}
    }
    result
}

/// Skips to the token after the next comma.
fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() {
        if input.parse::<Token![,]>().is_ok() || input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Skips to the token after the next block in braces or semicolon.
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

/// Skips to the next braces, in the same item. Returns whether there are any.
pub(crate) fn skip_to_braces(input: ParseStream<'_>) -> bool {
    while !input.is_empty() && !input.peek(Token![;]) {
        if input.peek(syn::token::Brace) {
            return true;
        }
        if input.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    false
}

/// The error for an item that starts with an unknown word.
pub(crate) fn unknown_keyword(found: &Name, known: &[&str], place: &str) -> Diagnostic {
    let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let near = crate::suggest::did_you_mean(&found.text, known.iter().copied());
    Diagnostic::new(found.span, format!("unknown keyword `{}` {place}{near}", found.text))
        .help(format!("expected one of {}", list.join(", ")))
}
