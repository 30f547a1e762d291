//! The compiler: lexer, parser, checks and emitter in a row.

use proc_macro2::{LexError, LineColumn, Span, TokenStream};

use crate::check::check;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::emit::{Target, emit};
use crate::model::Model;
use crate::recover::{self, Unmatched};
use crate::render::render;
use crate::source::Source;
use crate::syntax::File;

/// Compiles a description that is part of Rust source code.
///
/// # Errors
///
/// All errors in the description.
pub fn compile_tokens(tokens: TokenStream, target: &Target) -> Result<TokenStream, Diagnostics> {
    Ok(emit(&parse_and_check(tokens)?, target))
}

/// Compiles a description file.
///
/// # Errors
///
/// All errors in the description, as texts with the place, the source line and advice.
pub fn compile_text(source: &Source<'_>, target: &Target) -> Result<TokenStream, Vec<String>> {
    Ok(emit(&parse_text(source)?, target))
}

/// Parses and checks a description file.
///
/// # Errors
///
/// As [`compile_text`].
pub fn parse_text(source: &Source<'_>) -> Result<Model, Vec<String>> {
    let model = match source.text.parse::<TokenStream>() {
        Ok(tokens) => parse_and_check(tokens),
        Err(error) => Err(lexical_errors(error, source)),
    };
    model.map_err(|diagnostics| render(&diagnostics, source))
}

fn parse_and_check(tokens: TokenStream) -> Result<Model, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let file = File::parse(tokens, &mut diagnostics);
    let model = check(&file, &mut diagnostics);
    if diagnostics.is_empty() { Ok(model) } else { Err(diagnostics) }
}

/// The maximum number of invalid tokens that are reported at once.
const MAX_INVALID_TOKENS: usize = 16;

/// Returns the errors of the lexer, and those in the rest of the text: invalid tokens are left out, and delimiters that do not match are
/// repaired.
fn lexical_errors(mut error: LexError, source: &Source<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut text = source.text.to_owned();
    let mut is_repaired = false;
    let tokens = loop {
        let start = error.span().start();
        match character(&text, start) {
            Some('{' | '[' | '(' | '}' | ']' | ')') if !is_repaired => {
                is_repaired = true;
                let Some(repaired) = recover::close(&text) else { break None };
                for unmatched in repaired.unclosed {
                    let message = format!("unclosed delimiter `{}`", unmatched.delimiter);
                    diagnostics.push(Diagnostic::new(place(unmatched).unwrap_or(error.span()), message));
                }
                for unmatched in repaired.mismatched {
                    diagnostics.push(mismatched(place(unmatched).unwrap_or(error.span()), unmatched.delimiter));
                }
                for unmatched in repaired.unopened {
                    let error = Diagnostic::new(place(unmatched).unwrap_or(error.span()), "expected `{`");
                    diagnostics.push(error.help("the entries of an item are in braces"));
                }
                text = repaired.text;
            }
            Some(character) if !character.is_whitespace() && diagnostics.len() < MAX_INVALID_TOKENS => {
                diagnostics.push(lexical_error(error.span(), source));
                text = without(&text, start);
            }
            _ => break None,
        }
        match text.parse::<TokenStream>() {
            Ok(tokens) => break Some(tokens),
            Err(next) => error = next,
        }
    };
    let Some(tokens) = tokens else {
        // The errors before this one are of a repair that did not succeed.
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(lexical_error(error.span(), source));
        return diagnostics;
    };
    let mut file = File::parse(tokens.clone(), &mut diagnostics);
    // The tokens are a guess, so a definition may be in another item than the one that it belongs to.
    file.skipped.add_names(tokens);
    check(&file, &mut diagnostics);
    diagnostics
}

/// Returns the character at a place.
fn character(text: &str, place: LineColumn) -> Option<char> {
    text.lines().nth(place.line.checked_sub(1)?)?.chars().nth(place.column)
}

/// Returns the text with spaces in place of the character at a place and the rest of its word. An invalid number becomes 0.
fn without(text: &str, place: LineColumn) -> String {
    let lines = text.lines().enumerate().map(|(number, line)| match number + 1 == place.line {
        true => without_word(line, place.column),
        false => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

fn without_word(line: &str, column: usize) -> String {
    let mut characters: Vec<char> = line.chars().collect();
    for (at, character) in characters.iter_mut().skip(column).enumerate() {
        let is_word = character.is_alphanumeric() || *character == '_';
        *character = match at {
            0 if character.is_ascii_digit() => '0',
            0 if is_word => ' ',
            0 => {
                *character = ' ';
                break;
            }
            _ if is_word => ' ',
            _ => break,
        };
    }
    characters.into_iter().collect()
}

/// The error for a closing delimiter without a partner.
fn mismatched(span: Span, delimiter: char) -> Diagnostic {
    Diagnostic::new(span, format!("mismatched closing delimiter `{delimiter}`"))
        .help("close the delimiters in the reverse order of opening")
}

/// Returns a span with the place of a delimiter, which the repaired text may not have.
fn place(unmatched: Unmatched) -> Option<Span> {
    let text = "\n".repeat(unmatched.line.saturating_sub(1)) + &" ".repeat(unmatched.column) + ";";
    text.parse::<TokenStream>().ok()?.into_iter().next().map(|token| token.span())
}

/// The text does not consist of Rust tokens, or its delimiters do not match. The lexer stops at the first such error.
fn lexical_error(span: Span, source: &Source<'_>) -> Diagnostic {
    let start = span.start();
    match source.line(start.line).chars().nth(start.column) {
        Some(open @ ('{' | '[' | '(')) => Diagnostic::new(span, format!("unclosed delimiter `{open}`")),
        Some(close @ ('}' | ']' | ')')) => mismatched(span, close),
        _ => Diagnostic::new(span, "invalid token")
            .help("a description consists of Rust tokens: names, numbers, strings and `///` comments"),
    }
}
