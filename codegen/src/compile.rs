//! The compiler: lexer, parser, checks and emitter in a row.

use proc_macro2::{Span, TokenStream, TokenTree};

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
        Err(error) => Err(lexical_errors(error.span(), source)),
    };
    model.map_err(|diagnostics| render(&diagnostics, source))
}

fn parse_and_check(tokens: TokenStream) -> Result<Model, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let file = File::parse(tokens, &mut diagnostics);
    let model = check(&file, &mut diagnostics);
    if diagnostics.is_empty() { Ok(model) } else { Err(diagnostics) }
}

/// Returns the error of the lexer. If only delimiters are not closed, returns them and the errors in the rest of the text.
fn lexical_errors(span: Span, source: &Source<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let repaired = recover::close(source.text).filter(|repaired| !repaired.unclosed.is_empty());
    let tokens = repaired.and_then(|repaired| Some((repaired.text.parse::<TokenStream>().ok()?, repaired.unclosed)));
    let Some((tokens, unclosed)) = tokens else {
        diagnostics.push(lexical_error(span, source));
        return diagnostics;
    };
    for unmatched in unclosed {
        let span = opening(&tokens, unmatched).unwrap_or(span);
        diagnostics.push(Diagnostic::new(span, format!("unclosed delimiter `{}`", unmatched.delimiter)));
    }
    // The structure of the text is a guess, so parts of it may be missing.
    diagnostics.set_incomplete();
    let file = File::parse(tokens, &mut diagnostics);
    check(&file, &mut diagnostics);
    diagnostics
}

/// Finds the opening delimiter at a place.
fn opening(tokens: &TokenStream, unmatched: Unmatched) -> Option<Span> {
    tokens.clone().into_iter().find_map(|token| match token {
        TokenTree::Group(group) => {
            let start = group.span_open().start();
            match (start.line, start.column) == (unmatched.line, unmatched.column) {
                true => Some(group.span_open()),
                false => opening(&group.stream(), unmatched),
            }
        }
        _ => None,
    })
}

/// The text does not consist of Rust tokens, or its delimiters do not match. The lexer stops at the first such error.
fn lexical_error(span: Span, source: &Source<'_>) -> Diagnostic {
    let start = span.start();
    match source.line(start.line).chars().nth(start.column) {
        Some(open @ ('{' | '[' | '(')) => Diagnostic::new(span, format!("unclosed delimiter `{open}`")),
        Some(close @ ('}' | ']' | ')')) => Diagnostic::new(span, format!("mismatched closing delimiter `{close}`"))
            .help("close the delimiters in the reverse order of opening"),
        _ => Diagnostic::new(span, "invalid token")
            .help("a description consists of Rust tokens: names, numbers, strings and `///` comments"),
    }
}
