//! Rules for single names.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::Name;

/// The Rust keywords that cannot be names even with `r#`.
const PATHS: [&str; 4] = ["crate", "self", "super", "Self"];

/// Reports a name that is not in `snake_case`, or that Rust allows nowhere as a name.
pub(super) fn check(name: &Name, diagnostics: &mut Diagnostics) {
    let text = &name.text;
    if PATHS.contains(&text.as_str()) {
        diagnostics.push(
            Diagnostic::new(name.span, format!("`{text}` cannot be a name in Rust"))
                .help(format!("choose another name and set the C name with `as \"{text}\"`")),
        );
    } else if !is_snake_case(text) {
        diagnostics.push(
            Diagnostic::new(name.span, format!("the name `{text}` is not in snake_case"))
                .help("a name starts with a letter and has only lowercase letters, digits and single underscores"),
        );
    }
}

/// Reports a name that the generated code uses.
pub(super) fn not_reserved(name: &Name, reserved: &[&str], diagnostics: &mut Diagnostics) {
    if reserved.contains(&name.text.as_str()) {
        diagnostics.push(
            Diagnostic::new(name.span, format!("the name `{}` is reserved for generated code", name.text))
                .help(format!("choose another name and set the C name with `as \"{}\"`", name.text)),
        );
    }
}

fn is_snake_case(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .split('_')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_is_recognized() {
        for good in ["a", "stats_vq", "version_1", "x25519"] {
            assert!(is_snake_case(good), "{good}");
        }
        for bad in ["", "_x", "x_", "a__b", "StatsVq", "statsVq", "1x", "größe"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
