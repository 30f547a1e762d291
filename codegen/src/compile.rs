//! All steps in a row.

use proc_macro2::{Span, TokenStream};

use crate::check::check;
use crate::emit::{Target, emit};
use crate::mistake::{Mistake, Mistakes};
use crate::model::Model;
use crate::source::Source;
use crate::syntax::File;

/// Compiles a description that is part of the Rust source.
///
/// # Errors
///
/// The mistakes in the description, all of them.
pub fn compile_tokens(tokens: TokenStream, target: &Target) -> Result<TokenStream, Mistakes> {
    Ok(emit(&checked(tokens)?, target))
}

/// Compiles a description that is a text.
///
/// # Errors
///
/// The mistakes in the description, all of them, each as a text with place, source line and hint.
pub fn compile_text(source: &Source<'_>, target: &Target) -> Result<TokenStream, Vec<String>> {
    Ok(emit(&parse_text(source)?, target))
}

/// Reads and checks a description that is a text.
///
/// # Errors
///
/// As [`compile_text`].
pub fn parse_text(source: &Source<'_>) -> Result<Model, Vec<String>> {
    let model = match source.text.parse::<TokenStream>() {
        Ok(tokens) => checked(tokens),
        Err(error) => {
            let mut mistakes = Mistakes::new();
            mistakes.push(lexical(error.span(), source));
            Err(mistakes)
        }
    };
    model.map_err(|mistakes| mistakes.render(source))
}

fn checked(tokens: TokenStream) -> Result<Model, Mistakes> {
    let mut mistakes = Mistakes::new();
    let file = File::parse(tokens, &mut mistakes);
    let model = check(&file, &mut mistakes);
    if mistakes.is_empty() { Ok(model) } else { Err(mistakes) }
}

/// The text is not made of Rust tokens, or its brackets do not match. Without tokens nothing else can be found.
fn lexical(span: Span, source: &Source<'_>) -> Mistake {
    let start = span.start();
    let line = source.text.lines().nth(start.line.saturating_sub(1)).unwrap_or("");
    match line.chars().nth(start.column) {
        Some(open @ ('{' | '[' | '(')) => Mistake::new(span, format!("this `{open}` is never closed")),
        Some(close @ ('}' | ']' | ')')) => Mistake::new(span, format!("this `{close}` does not close what is open"))
            .help("every bracket is closed by its counterpart, innermost first"),
        _ => Mistake::new(span, "this is no token of the language")
            .help("descriptions are written in Rust tokens: names, numbers, strings and `///` comments"),
    }
}
