//! Diagnostics as text, with the source lines.

use std::fmt::Write as _;

use proc_macro2::Span;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Source;

/// Returns one text for each diagnostic, in the order of the file.
pub(crate) fn render(diagnostics: &Diagnostics, source: &Source<'_>) -> Vec<String> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| {
        let start = diagnostic.span.start();
        (start.line, start.column)
    });
    sorted.into_iter().map(|diagnostic| render_one(diagnostic, source)).collect()
}

/// The message, the place in the form of rustc, which editors and terminals recognize, the source lines with the underlined tokens,
/// and the help.
fn render_one(diagnostic: &Diagnostic, source: &Source<'_>) -> String {
    let start = diagnostic.span.start();
    let mut underlines = vec![Underline::new(diagnostic.span, '^', "", source)];
    if let Some((span, label)) = &diagnostic.label {
        underlines.push(Underline::new(*span, '-', label, source));
    }
    underlines.sort_by_key(|underline| (underline.line, underline.column));
    let margin = underlines.iter().map(|underline| underline.line).max().unwrap_or(0).to_string().len();

    let mut text = diagnostic.message.clone();
    let _ = write!(text, "\n{:margin$}--> {}:{}:{}", "", source.path, start.line, start.column + 1);
    let _ = write!(text, "\n{:margin$} |", "");
    let mut last = None;
    for underline in underlines {
        if last.is_some_and(|last| last + 1 < underline.line) {
            text.push_str("\n...");
        }
        if last != Some(underline.line) {
            let _ = write!(text, "\n{:>margin$} | {}", underline.line, source.line(underline.line).trim_end());
        }
        text.push_str(&underline.render(margin));
        last = Some(underline.line);
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\n{:margin$} = help: {help}", "");
    }
    text
}

/// An underlined part of a source line.
struct Underline<'a> {
    /// Line number, from 1.
    line: usize,
    /// First character, from 0.
    column: usize,
    /// Width in characters.
    width: usize,
    mark: char,
    label: &'a str,
}

impl<'a> Underline<'a> {
    /// Underlines the first line of the span.
    fn new(span: Span, mark: char, label: &'a str, source: &Source<'_>) -> Self {
        let (start, end) = (span.start(), span.end());
        let end_column =
            if end.line == start.line { end.column } else { source.line(start.line).trim_end().chars().count() };
        let width = end_column.saturating_sub(start.column).max(1);
        Self { line: start.line, column: start.column, width, mark, label }
    }

    fn render(&self, margin: usize) -> String {
        let marks = String::from(self.mark).repeat(self.width);
        let text = format!("\n{:margin$} | {:column$}{marks} {}", "", "", self.label, column = self.column);
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans of the tokens of the text.
    fn spans(text: &str) -> Vec<Span> {
        let tokens: proc_macro2::TokenStream = text.parse().expect("tokens");
        tokens.into_iter().map(|token| token.span()).collect()
    }

    #[test]
    fn token_is_underlined() {
        let text = "one\n    two three";
        let source = Source { path: "vspec/x.vspec", text };
        let diagnostic = Diagnostic::new(spans(text)[2], "unknown `three`").help("write `four`");
        let expected = "\
unknown `three`
 --> vspec/x.vspec:2:9
  |
2 |     two three
  |         ^^^^^
  = help: write `four`";
        assert_eq!(render_one(&diagnostic, &source), expected);
    }

    #[test]
    fn label_is_shown_in_the_order_of_the_file() {
        let text = "one\ntwo\nthree\nfour";
        let source = Source { path: "x", text };
        let diagnostic = Diagnostic::new(spans(text)[3], "duplicate").label(spans(text)[0], "first defined here");
        let expected = "\
duplicate
 --> x:4:1
  |
1 | one
  | --- first defined here
...
4 | four
  | ^^^^";
        assert_eq!(render_one(&diagnostic, &source), expected);
    }

    #[test]
    fn label_in_the_same_line_shares_the_source_line() {
        let text = "one two";
        let source = Source { path: "x", text };
        let diagnostic = Diagnostic::new(spans(text)[1], "duplicate").label(spans(text)[0], "first defined here");
        let expected = "duplicate\n --> x:1:5\n  |\n1 | one two\n  | --- first defined here\n  |     ^^^";
        assert_eq!(render_one(&diagnostic, &source), expected);
    }
}
