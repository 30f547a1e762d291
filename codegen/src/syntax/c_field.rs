//! Fields in the form of C, `le32 flags;`, which are the form of the specification's text. They are reported with the line to write,
//! and taken for what they mean.

use proc_macro2::TokenTree;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, Token, bracketed};

use super::clauses::is_next as is_clause_next;
use super::length::Length;
use super::parser;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::foreign;
use crate::name::Name;

/// Words of C before the name of a type.
const QUALIFIERS: [&str; 5] = ["struct", "union", "enum", "const", "volatile"];

/// Parses a field in the form of C if one comes next. Returns its name, its type without the length, and its length.
pub(super) fn parse(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<(Name, Name, Option<Length>)>> {
    if !is_next(input) {
        return Ok(None);
    }
    if is_definition(input) {
        return Err(input.error(
            "a definition inside a field is not supported: define the type beside the others and write its name as the type",
        ));
    }
    let start = input.span();
    let mut words = Vec::new();
    let mut is_pointer = false;
    while input.peek(Ident::peek_any) || input.peek(Token![*]) {
        if is_named(&words) && is_clause(input) {
            break;
        }
        match Name::parse(input) {
            Ok(word) => words.push(word),
            Err(_) => {
                input.parse::<TokenTree>()?;
                is_pointer = true;
            }
        }
    }
    let Some(name) = words.pop() else { return Err(input.error("expected a name")) };
    let element = match is_pointer {
        true => Name { text: "le64".into(), span: start },
        false => element(words),
    };
    let len = length(&element, input)?;
    let clauses = clauses(input);
    let mut message = "a field is not written as in C: its name comes before its type";
    let mut help = match &len {
        Some((_, text)) => format!("write `{}: [{}{text}]{clauses},`", name.text, element.text),
        None => format!("write `{}: {}{clauses},`", name.text, element.text),
    };
    if input.peek(Token![:]) {
        input.parse::<Token![:]>()?;
        input.parse::<TokenTree>()?;
        message = "bit fields in a structure are not supported";
        help = format!("define `bits name: {} {{ {} = 0..4 }}` and use it as the type", element.text, name.text);
    } else if is_pointer {
        message = "pointers are not supported";
    }
    diagnostics.push(Diagnostic::new(start.join(name.span).unwrap_or(name.span), message).help(help));
    Ok(Some((name, element, len.map(|(len, _)| len))))
}

/// Returns whether a field in the form of C comes next: words that start with a type or a keyword of C, or end with a semicolon or
/// brackets.
fn is_next(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let Ok(first) = Name::parse(&ahead) else { return false };
    if is_definition(input) {
        return true;
    }
    if !ahead.peek(Ident::peek_any) && !ahead.peek(Token![*]) {
        return false;
    }
    let starts_type = ["struct", "const", "volatile"].contains(&first.text.as_str()) && ahead.peek2(Ident::peek_any);
    if foreign::is_integer(&first.text) || starts_type {
        return true;
    }
    while ahead.peek(Ident::peek_any) || ahead.peek(Token![*]) {
        if ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    ahead.peek(Token![;]) || ahead.peek(syn::token::Bracket)
}

/// Returns whether the words are a type and a name. A name can be that of a clause, such as `read`.
fn is_named(words: &[Name]) -> bool {
    let is_type_word = |word: &Name| foreign::is_integer(&word.text) || QUALIFIERS.contains(&word.text.as_str());
    let count = words.iter().filter(|word| !QUALIFIERS.contains(&word.text.as_str())).count();
    count > 1 && words.last().is_some_and(|word| !is_type_word(word))
}

/// Returns whether a clause of a field comes next, also a misspelled one. In C, a semicolon or brackets follow the name of a field.
fn is_clause(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let Ok(word) = Name::parse(&ahead) else { return false };
    !ahead.peek(syn::token::Bracket) && (is_clause_next(input) || foreign::is_like_access(&word.text))
}

/// Returns the text of the clauses that come next, up to the end of the field.
fn clauses(input: ParseStream<'_>) -> String {
    let ahead = input.fork();
    let mut text = String::new();
    if !ahead.peek(Token![@]) && !ahead.peek(Token![=]) && !is_clause(&ahead) {
        return text;
    }
    while !ahead.is_empty() && !ahead.peek(Token![,]) && !ahead.peek(Token![;]) {
        match ahead.parse::<TokenTree>() {
            Ok(token) => text = format!("{text} {token}"),
            Err(_) => break,
        }
    }
    text
}

/// Returns whether `struct {` or `struct name {` comes next, in a list of fields.
fn is_definition(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let kind = Name::parse(&ahead).map(|word| word.text).unwrap_or_default();
    if !["struct", "packed", "union", "enum", "bits"].contains(&kind.as_str()) || parser::peek_word(&ahead, "by") {
        return false;
    }
    while ahead.peek(Ident::peek_any) {
        if Name::parse(&ahead).is_err() {
            return false;
        }
    }
    ahead.peek(syn::token::Brace)
}

/// Returns the type that the words before a name mean.
fn element(mut words: Vec<Name>) -> Name {
    words.retain(|word| !QUALIFIERS.contains(&word.text.as_str()));
    let is_64 = words.iter().any(|word| word.text == "long");
    let is_pair = words.len() > 1;
    let Some(last) = words.pop() else { return Name { text: "u8".into(), span: proc_macro2::Span::call_site() } };
    let text = match foreign::integer(&last.text) {
        _ if is_64 => "le64",
        Some("le32") if is_pair && words.iter().any(|word| word.text == "short") => "le16",
        Some(integer) => integer,
        None => return last,
    };
    Name { text: text.into(), span: last.span }
}

/// Reports an integer type of several words, and returns the type that it means.
pub(super) fn integer(first: Name, rest: Vec<Name>, diagnostics: &mut Diagnostics) -> Name {
    let words: Vec<Name> = [vec![first.clone()], rest].concat();
    let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let message = format!("the type `{}` is not supported", text.join(" "));
    let element = Name { span: first.span, ..element(words) };
    diagnostics.push(Diagnostic::new(first.span, message).help(format!("write `{}`", element.text)));
    element
}

/// Parses the brackets after the name or the type, if they come next. Returns the length, and the text of the length in an array.
pub(super) fn length(element: &Name, input: ParseStream<'_>) -> syn::Result<Option<(Length, String)>> {
    if !input.peek(syn::token::Bracket) {
        return Ok(None);
    }
    let content;
    bracketed!(content in input);
    parser::group(&content, |content| {
        let len = Length::parse_content(element, content)?;
        let text = match &len {
            Length::Open(_) => String::new(),
            Length::Number(number) => format!("; {}", number.value),
            Length::Named(name) => format!("; {}", name.text),
            Length::Config(name) => format!("; config.{}", name.text),
        };
        Ok(Some((len, text)))
    })
}
