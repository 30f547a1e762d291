//! Rules for a single name.

use crate::mistake::{Mistake, Mistakes};
use crate::name::Name;

/// The words that Rust keeps for itself in any edition up to 2024.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "Self",
];

/// A name is in `snake_case` and is no keyword of Rust.
pub(super) fn check(name: &Name, mistakes: &mut Mistakes) {
    let text = &name.text;
    if KEYWORDS.contains(&text.as_str()) {
        mistakes.push(
            Mistake::new(name.span, format!("`{text}` is a keyword of Rust and cannot be a name"))
                .help(format!("choose another name, and give the C name with `as \"{text}\"`")),
        );
    } else if !is_snake_case(text) {
        mistakes.push(
            Mistake::new(name.span, format!("the name `{text}` is not in snake_case"))
                .help("names have lower-case letters, digits and single underscores, and start with a letter"),
        );
    }
}

/// A name is not one that the generated code uses itself.
pub(super) fn not_taken(name: &Name, taken: &[&str], mistakes: &mut Mistakes) {
    if taken.contains(&name.text.as_str()) {
        mistakes.push(
            Mistake::new(name.span, format!("the generated code uses the name `{}` itself", name.text))
                .help(format!("choose another name, and give the C name with `as \"{}\"`", name.text)),
        );
    }
}

fn is_snake_case(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .split('_')
            .all(|piece| !piece.is_empty() && piece.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_told_from_other_cases() {
        for good in ["a", "stats_vq", "version_1", "x25519"] {
            assert!(is_snake_case(good), "{good}");
        }
        for bad in ["", "_x", "x_", "a__b", "StatsVq", "statsVq", "1x", "größe"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
