//! Rules for single names.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Scalar;
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
    } else if !name.is_missing() && !is_snake_case(text) {
        let snake = to_snake_case(text);
        let help = match is_snake_case(&snake) {
            true => format!("write `{snake}`; `as \"{text}\"` keeps the other spelling as the C name"),
            false => "a name starts with a letter and has only lowercase letters, digits and single underscores".into(),
        };
        diagnostics.push(Diagnostic::new(name.span, format!("the name `{text}` is not in snake_case")).help(help));
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

/// Reports an item with the name of an integer type, which fields could not have as their type.
pub(super) fn not_type(name: &Name, diagnostics: &mut Diagnostics) {
    if Scalar::named(&name.text).is_some() {
        diagnostics.push(
            Diagnostic::new(name.span, format!("`{}` is the name of an integer type", name.text))
                .help(format!("choose another name and set the C name with `as \"{}\"`", name.text)),
        );
    }
}

/// Returns the name in lowercase letters, with an underscore between a small and a capital letter.
fn to_snake_case(text: &str) -> String {
    let mut snake = String::with_capacity(text.len());
    let mut was_small = false;
    for character in text.chars() {
        if was_small && character.is_uppercase() {
            snake.push('_');
        }
        was_small = character.is_lowercase() || character.is_ascii_digit();
        snake.extend(character.to_lowercase());
    }
    snake
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
        for (other, snake) in
            [("StatsVq", "stats_vq"), ("VIRTIO_BLK_T_IN", "virtio_blk_t_in"), ("A", "a"), ("_x", "_x")]
        {
            assert_eq!(to_snake_case(other), snake);
        }
        for bad in ["", "_x", "x_", "a__b", "StatsVq", "statsVq", "1x", "größe"] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
