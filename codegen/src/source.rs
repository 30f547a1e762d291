//! The text of a description file, and how a mistake is shown in it.

use std::fmt::Write as _;

use proc_macro2::Span;

use crate::mistake::Mistake;

/// A description file: its name as messages give it, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The name of the file.
    pub path: &'a str,
    /// The text that the spans of its mistakes were made from.
    pub text: &'a str,
}

/// A line of the file with a mark under a part of it.
struct Marked<'a> {
    /// Number of the line, from 1.
    line: usize,
    /// First marked character, from 0.
    column: usize,
    /// How many characters are marked.
    width: usize,
    mark: char,
    label: &'a str,
}

impl Source<'_> {
    /// The mistake as text: place and message, the lines it speaks of with marks under them, and the advice.
    pub fn render(&self, mistake: &Mistake) -> String {
        let start = mistake.span.start();
        let mut marked = vec![self.mark(mistake.span, '^', "")];
        if let Some((span, label)) = &mistake.other {
            marked.push(self.mark(*span, '-', label));
        }
        marked.sort_by_key(|marked| (marked.line, marked.column));
        let margin = marked.iter().map(|marked| marked.line).max().unwrap_or(0).to_string().len();

        let mut text = format!("{}:{}:{}: {}", self.path, start.line, start.column + 1, mistake.message);
        let _ = write!(text, "\n{:margin$} |", "");
        let mut last = None;
        for Marked { line, column, width, mark, label } in marked {
            if last.is_some_and(|last| last + 1 < line) {
                text.push_str("\n...");
            }
            if last != Some(line) {
                let content = self.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
                let _ = write!(text, "\n{line:>margin$} | {}", content.trim_end());
            }
            let underline = String::from(mark).repeat(width);
            let _ = write!(text, "\n{:margin$} | {:column$}{underline} {label}", "", "");
            text.truncate(text.trim_end().len());
            last = Some(line);
        }
        if let Some(help) = &mistake.help {
            let _ = write!(text, "\n{:margin$} = help: {help}", "");
        }
        text
    }

    fn mark<'a>(&self, span: Span, mark: char, label: &'a str) -> Marked<'a> {
        let (start, end) = (span.start(), span.end());
        let end_column = if end.line == start.line {
            end.column
        } else {
            self.text.lines().nth(start.line.saturating_sub(1)).map_or(0, |line| line.trim_end().chars().count())
        };
        let width = end_column.saturating_sub(start.column).max(1);
        Marked { line: start.line, column: start.column, width, mark, label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans of the identifiers of the text.
    fn spans(text: &str) -> Vec<Span> {
        let tokens: proc_macro2::TokenStream = text.parse().expect("tokens");
        tokens.into_iter().map(|token| token.span()).collect()
    }

    #[test]
    fn a_mistake_shows_its_line_with_a_mark_under_the_token() {
        let text = "one\n    two three";
        let source = Source { path: "vspec/x.vspec", text };
        let mistake = Mistake::new(spans(text)[2], "no `three`").help("write `four`");
        let expected = "\
vspec/x.vspec:2:9: no `three`
  |
2 |     two three
  |         ^^^^^
  = help: write `four`";
        assert_eq!(source.render(&mistake), expected);
    }

    #[test]
    fn another_place_is_shown_in_the_order_of_the_file() {
        let text = "one\ntwo\nthree\nfour";
        let source = Source { path: "x", text };
        let mistake = Mistake::new(spans(text)[3], "again").see(spans(text)[0], "first here");
        let expected = "\
x:4:1: again
  |
1 | one
  | --- first here
...
4 | four
  | ^^^^";
        assert_eq!(source.render(&mistake), expected);
    }

    #[test]
    fn two_places_in_one_line_share_it() {
        let text = "one two";
        let source = Source { path: "x", text };
        let mistake = Mistake::new(spans(text)[1], "again").see(spans(text)[0], "first here");
        assert_eq!(source.render(&mistake), "x:1:5: again\n  |\n1 | one two\n  | --- first here\n  |     ^^^");
    }
}
