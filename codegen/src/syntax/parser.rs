//! Parsers for the parts that many items share, and error recovery.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Ident, LitStr, Token, braced};

use super::clauses::{self, EntryKind};
use super::skipped::Skipped;
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

/// Parses the feature after the `if` of an entry that can depend on only one feature. Alternatives are reported.
pub(super) fn one_feature(input: ParseStream<'_>, what: &str, diagnostics: &mut Diagnostics) -> syn::Result<Name> {
    let name = Name::parse(input)?;
    let span = input.span();
    if !alternatives(input)?.is_empty() {
        let help = format!("write `if {}`, and mention the other features in the documentation", name.text);
        diagnostics.push(Diagnostic::new(span, format!("{what} can depend on only one feature")).help(help));
    }
    Ok(name)
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
    kind: EntryKind,
    diagnostics: &mut Diagnostics,
    mut entry: impl FnMut(ParseStream<'_>, &mut Diagnostics) -> syn::Result<T>,
) -> syn::Result<(Vec<T>, Skipped)> {
    let content;
    braced!(content in input);
    let (mut entries, mut skipped) = (Vec::new(), Skipped::default());
    while !content.is_empty() {
        if directive(&content, diagnostics) {
            continue;
        }
        let (mut start, reported) = (content.fork(), diagnostics.len());
        let is_complete = match entry(&content, diagnostics) {
            Ok(entry) => {
                entries.push(entry);
                start = content.fork();
                separator(&content, kind, reported, diagnostics)?
            }
            Err(error) => {
                diagnostics.push_syntax(error);
                skip_entry(&content);
                false
            }
        };
        if !is_complete {
            skipped.add(entries.len(), &start, &content);
        }
    }
    Ok((entries, skipped))
}

/// Parses the comma after an entry, unless the entry is the last one. A missing comma is reported. Returns whether no token was
/// skipped. `reported` is the number of errors before the entry.
fn separator(
    input: ParseStream<'_>,
    kind: EntryKind,
    reported: usize,
    diagnostics: &mut Diagnostics,
) -> syn::Result<bool> {
    while clauses::misplaced(input, kind, diagnostics)? {}
    if input.is_empty() {
        return Ok(true);
    }
    if input.peek(Token![,]) {
        return input.parse::<Token![,]>().map(|_| true);
    }
    if input.peek(Token![;]) {
        // A list in the form of C has one at each entry, and an error for the entry already.
        if diagnostics.len() == reported {
            let error = Diagnostic::new(input.span(), "expected `,` after the entry, found `;`");
            diagnostics.push(error.help("entries are separated by commas"));
        }
        return input.parse::<Token![;]>().map(|_| true);
    }
    diagnostics.push(match is_calculation(input) {
        true => Diagnostic::new(input.span(), CALCULATION).help(RESULT),
        false => Diagnostic::new(input.span(), "expected `,` or `}` after the entry"),
    });
    // If a name follows, it starts the next entry and only the comma is missing.
    let is_name = input.peek(Ident::peek_any);
    if !is_name {
        skip_entry(input);
    }
    Ok(is_name)
}

const CALCULATION: &str = "a calculation is not supported as a number";
const RESULT: &str = "write the result; only a shift such as `1 << 4` is calculated";

/// Returns whether an operator comes next that is not supported behind a number.
fn is_calculation(input: ParseStream<'_>) -> bool {
    [input.peek(Token![+]), input.peek(Token![-]), input.peek(Token![*]), input.peek(Token![|])].contains(&true)
}

/// Returns an error for an operator behind the value of a constant.
pub(super) fn reject_operator(input: ParseStream<'_>) -> syn::Result<()> {
    match is_calculation(input) {
        true => Err(input.error(format!("{CALCULATION}: {RESULT}"))),
        false => Ok(()),
    }
}

/// Reports and skips a directive of the C preprocessor, which ends with its line. Returns whether there is one.
pub(super) fn directive(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> bool {
    if !input.peek(Token![#]) || !input.peek2(Ident::peek_any) {
        return false;
    }
    let start = input.span();
    let Ok(_) = input.parse::<Token![#]>() else { return false };
    let Ok(word) = Name::parse(input) else { return false };
    let (message, help) = crate::foreign::directive(&word.text);
    diagnostics.push(Diagnostic::new(start.join(word.span).unwrap_or(word.span), message).help(help));
    while !input.is_empty() && input.span().start().line == start.start().line {
        if input.parse::<TokenTree>().is_err() {
            break;
        }
    }
    true
}

/// Parses the words of an item before its braces. If they are invalid, reports that and skips to the braces, so that the entries in
/// them are checked all the same. Returns an error if there are no braces.
pub(super) fn header(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let result = parse(input).and_then(|()| match input.peek(syn::token::Brace) {
        true => Ok(()),
        false => Err(input.error("expected `{`")),
    });
    match result {
        Err(error) if skip_to_braces(input) => {
            diagnostics.push_syntax(error);
            Ok(())
        }
        result => result,
    }
}

/// Parses items up to the end. An invalid item is reported and skipped. `item` parses an item after its keyword, and returns `false` if
/// it has reported an unknown one.
pub(super) fn items(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
    mut item: impl FnMut(Docs, &Name, ParseStream<'_>, &mut Diagnostics) -> syn::Result<bool>,
) -> Skipped {
    let (mut skipped, mut count) = (Skipped::default(), 0);
    while !input.is_empty() {
        if directive(input, diagnostics) || semicolon(input, diagnostics) {
            continue;
        }
        let start = input.fork();
        let result = Docs::parse(input).and_then(|docs| {
            let keyword = Name::parse(input)?;
            item(docs, &keyword, input, diagnostics)
        });
        let is_parsed = result.unwrap_or_else(|error| {
            diagnostics.push_syntax(error);
            false
        });
        count += 1;
        if !is_parsed {
            // The next item may have started already.
            if start.cursor() == input.cursor() || !starts_item(input) {
                skip_item(input);
            }
            skipped.add(count, &start, input);
        }
    }
    skipped
}

/// Reports and skips a semicolon after braces, as in C. Returns whether there is one.
fn semicolon(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> bool {
    let Ok(semicolon) = input.parse::<Token![;]>() else { return false };
    let error = Diagnostic::new(semicolon.span, "a semicolon is not allowed after an item in braces");
    diagnostics.push(error.help("remove it; only a `const` ends with a semicolon"));
    true
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

/// Skips to the token after the next comma or semicolon.
fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() {
        let is_end = input.parse::<Token![,]>().is_ok() || input.parse::<Token![;]>().is_ok();
        if is_end || input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Skips an item: to the token after the next block in braces or semicolon, or to the next item.
fn skip_item(input: ParseStream<'_>) {
    while !input.is_empty() {
        match input.parse::<TokenTree>() {
            Ok(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Brace => return,
            Ok(TokenTree::Punct(punct)) if punct.as_char() == ';' => return,
            Ok(_) if starts_item(input) => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// Skips to the next braces, in the same item. Returns whether there are any.
fn skip_to_braces(input: ParseStream<'_>) -> bool {
    while !input.is_empty() && !input.peek(Token![;]) && !starts_item(input) {
        if input.peek(syn::token::Brace) {
            return true;
        }
        if input.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    false
}

/// Returns whether the next words can only start an item.
fn starts_item(input: ParseStream<'_>) -> bool {
    const NAMED: [&str; 9] = ["device", "module", "registers", "packed", "struct", "enum", "bits", "const", "request"];
    let ahead = input.fork();
    let Ok(word) = Name::parse(&ahead) else { return false };
    let is_section = ["features", "queues", "config", "shared_memory"].contains(&word.text.as_str());
    is_section && (ahead.peek(syn::token::Brace) || peek_word(&ahead, "as"))
        || NAMED.contains(&word.text.as_str()) && ahead.peek(Ident::peek_any) && !peek_word(&ahead, "on")
}

/// Finds the keyword of an item. An unknown word is reported. If it is close to a keyword, that one is returned, so that the item is
/// checked all the same.
pub(crate) fn keyword(
    found: &Name,
    known: &[&'static str],
    place: &str,
    diagnostics: &mut Diagnostics,
) -> Option<&'static str> {
    if let Some(keyword) = known.iter().find(|keyword| **keyword == found.text) {
        return Some(keyword);
    }
    if let Some((message, help)) = crate::foreign::item(&found.text) {
        diagnostics.push(Diagnostic::new(found.span, message).help(help));
        return None;
    }
    let part = crate::foreign::part(&found.text).filter(|part| known.contains(part));
    let near = part.or_else(|| crate::suggest::nearest(&found.text, known.iter().copied()));
    let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    let suggestion = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    diagnostics.push(
        Diagnostic::new(found.span, format!("unknown keyword `{}` {place}{suggestion}", found.text))
            .help(format!("expected one of {}", list.join(", "))),
    );
    known.iter().copied().find(|keyword| Some(*keyword) == near)
}
