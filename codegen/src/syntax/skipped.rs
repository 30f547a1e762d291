//! What the parser skips after syntax errors.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseBuffer;

/// The parts of a list that are missing from the syntax tree, because the parser skipped them after a syntax error.
///
/// The checks of everything else go on. They are silent only about what the missing parts could change: names that they may define, and
/// what follows from the number or the size of the entries before.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    /// For each missing part, the number of complete entries before it.
    at: Vec<usize>,
    /// The names that the missing parts may define.
    names: BTreeSet<String>,
}

/// Words after which a name refers to something that is defined elsewhere.
const REFERRING: [&str; 6] = ["if", "or", "requires", "on", "by", "count"];

impl Skipped {
    /// Returns whether a part of the list is missing.
    pub fn is_any(&self) -> bool {
        !self.at.is_empty()
    }

    /// Returns whether a part is missing directly before the entry with this index.
    pub fn is_at(&self, index: usize) -> bool {
        self.at.contains(&index)
    }

    /// Returns the names that the missing parts may define.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Adds the tokens from `start` to the position of `end`, which come after `index` complete entries.
    pub(super) fn add(&mut self, index: usize, start: &ParseBuffer<'_>, end: &ParseBuffer<'_>) {
        let mut tokens = Vec::new();
        while start.cursor() != end.cursor() {
            match start.parse::<TokenTree>() {
                Ok(token) => tokens.push(token),
                Err(_) => break,
            }
        }
        self.at.push(index);
        self.add_names(tokens.into_iter().collect());
    }

    /// Adds the names that the tokens may define.
    pub(crate) fn add_names(&mut self, tokens: TokenStream) {
        definitions(tokens, false, false, &mut self.names);
    }
}

/// Collects the names that the tokens may define: all except those in places where a name refers to something.
fn definitions(tokens: TokenStream, is_array: bool, mut is_reference: bool, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_array = group.delimiter() == Delimiter::Bracket;
                definitions(group.stream(), is_array, is_array, names);
                is_reference = false;
            }
            TokenTree::Ident(word) => {
                let text = word.unraw().to_string();
                let refers = REFERRING.contains(&text.as_str());
                if !is_reference {
                    names.insert(text);
                }
                is_reference = refers;
            }
            TokenTree::Punct(mark) => {
                let mark = mark.as_char();
                is_reference = [':', '+', '=', '*', '.'].contains(&mark) || is_array && mark == ';';
            }
            TokenTree::Literal(_) => is_reference = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_not_definitions() {
        let mut skipped = Skipped::default();
        let text = "a 1, b = x if y or z, struct s { c: [t; n], d: u8 } e: union by u { f: v }";
        skipped.add_names(text.parse().expect("tokens"));
        let names: Vec<&str> = skipped.names().collect();
        assert_eq!(names, ["a", "b", "by", "c", "d", "e", "f", "if", "or", "s", "struct"]);
    }
}
