//! The item that a comment stands above, found in the text of formatted code.

use anyhow::{Context as _, ensure};

/// The item below a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The name, after the name of the type whose `impl` block contains it.
    pub(crate) name: String,
    pub(crate) is_test: bool,
}

/// Returns the item whose comments and attributes include line `at`.
///
/// # Errors
///
/// If no item follows.
pub(crate) fn at(lines: &[&str], at: usize) -> anyhow::Result<Item> {
    let is_head = |line: &str| line.trim().starts_with("//") || line.trim().starts_with("#[");
    let first = (0..at).rev().take_while(|&line| is_head(lines[line])).last().unwrap_or(at);
    // The last line of an attribute may be another one than the first.
    let mut depth = 0;
    let in_head = |line: &&usize| {
        let text = lines[**line].trim();
        let is_comment = text.starts_with("//");
        let inside = depth > 0 || text.starts_with("#[");
        if inside && !is_comment {
            depth += text.matches('[').count() as i32 - text.matches(']').count() as i32;
        }
        inside || is_comment
    };
    let rest: Vec<usize> = (first..lines.len()).collect();
    let head = rest.iter().take_while(in_head).count();
    let line = first + head;
    let text = lines.get(line).copied().unwrap_or_default();
    let (keyword, name) = declared(text.trim()).context("the annotation does not stand above an item")?;
    let is_test = lines[first..line].iter().any(|line| line.trim() == "#[test]");
    ensure!(!is_test || keyword == "fn", "`#[test]` stands above an item that is not a function");
    let name = match container(lines, line) {
        Some(container) if keyword != "impl" => format!("{container}::{name}"),
        _ => name,
    };
    Ok(Item { name, is_test })
}

/// Returns the keyword and the name of the item that a line declares.
fn declared(line: &str) -> Option<(&'static str, String)> {
    const KEYWORDS: [&str; 11] =
        ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "macro_rules!", "impl"];
    let mut rest = line;
    loop {
        let word_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let is_qualifier = match word {
            "pub" | "unsafe" | "async" | "extern" | "default" => true,
            "const" => after.trim_start().starts_with("fn ") || after.trim_start().starts_with("unsafe "),
            _ => false,
        };
        if !is_qualifier {
            let keyword = KEYWORDS.into_iter().find(|keyword| *keyword == word)?;
            let name = if keyword == "impl" { implementing(line)? } else { identifier(after.trim_start()) };
            return (!name.is_empty()).then_some((keyword, name));
        }
        rest = after.trim_start();
        if let Some(scope) = rest.strip_prefix('(') {
            rest = scope.split_once(')')?.1.trim_start();
        }
        if let Some(abi) = rest.strip_prefix('"') {
            rest = abi.split_once('"')?.1.trim_start();
        }
    }
}

/// Returns the identifier at the start of a text.
fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Returns the type or trait whose block contains the line, if there is one.
fn container(lines: &[&str], line: usize) -> Option<String> {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let outer = indent(lines[line]).checked_sub(4)?;
    let above = lines[..line].iter().rev().filter(|text| !text.trim().is_empty() && indent(text) == outer);
    for text in above {
        let text = text.trim();
        let is_block = text == "{" || text == "where" || text.starts_with("//") || text.starts_with('#');
        if let Some((keyword, name)) = declared(text) {
            return match keyword {
                "impl" | "trait" => Some(name),
                _ => None,
            };
        }
        if !is_block {
            return None;
        }
    }
    None
}

/// Returns the name of the type that the header of an `impl` block is for.
fn implementing(header: &str) -> Option<String> {
    let plain = without_generics(header);
    let text = plain.split_once("impl")?.1;
    let target = text.split_once(" for ").map_or(text, |(_, target)| target);
    let target = target.split(" where").next()?.trim().trim_end_matches('{').trim();
    let name = identifier(target.rsplit("::").next()?.trim_start_matches(['&', ' ']));
    (!name.is_empty()).then_some(name)
}

/// Removes everything between angle brackets.
fn without_generics(text: &str) -> String {
    let (mut depth, mut last) = (0_u32, ' ');
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' && last != '=' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        last = c;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Item {
        let lines: Vec<&str> = text.lines().collect();
        let line = lines.iter().position(|line| line.contains("// HERE")).unwrap();
        at(&lines, line).unwrap()
    }

    #[test]
    fn items_are_found_below_comments_and_attributes() {
        for (text, name) in [
            ("// HERE\nfn a() {", "a"),
            ("/// Doc.\n// HERE\n// More.\n#[must_use]\npub(crate) const unsafe fn b() {", "b"),
            ("// HERE\n#[cfg_attr(\n    x,\n    y\n)]\npub struct C<T> {", "C"),
            ("// HERE\npub const D: u8 = 1;", "D"),
            ("// HERE\nmacro_rules! e {", "e"),
            ("// HERE\nunsafe impl<T: Fn() -> U> fmt::Debug for F<T> {", "F"),
            ("// HERE\npub unsafe extern \"C\" fn g() {", "g"),
        ] {
            assert_eq!(item(text), Item { name: name.to_owned(), is_test: false }, "{text}");
        }
    }

    #[test]
    fn methods_have_the_name_of_their_type() {
        for (text, name) in [
            ("impl<T> Split<T> {\n    fn first() {\n    }\n\n    // HERE\n    fn add(&self) {}\n}", "Split::add"),
            ("impl<T> a::B for c::D<T>\nwhere\n    T: X,\n{\n    // HERE\n    const E: u8 = 0;\n}", "D::E"),
            ("pub trait Frames {\n    // HERE\n    fn range(&self);\n}", "Frames::range"),
            ("mod tests {\n    // HERE\n    fn helper() {}\n}", "helper"),
        ] {
            assert_eq!(item(text).name, name, "{text}");
        }
    }

    #[test]
    fn tests_are_recognised_by_their_attribute() {
        assert!(item("/// Doc.\n// HERE\n#[test]\nfn a() {").is_test);
        assert!(item("proptest! {\n    #[test]\n    // HERE\n    fn a(x in 0..3) {").is_test);
        assert!(!item("#[test]\nfn other() {}\n// HERE\nfn a() {").is_test);
    }

    #[test]
    fn a_comment_above_something_else_is_an_error() {
        for text in ["// HERE", "// HERE\n\nfn a() {", "// HERE\nlet a = 1;", "// HERE\n#[test]\nstruct A;"] {
            let lines: Vec<&str> = text.lines().collect();
            assert!(at(&lines, 0).is_err(), "{text}");
        }
    }
}
