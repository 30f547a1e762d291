//! Rules against duplicates.

use std::collections::HashMap;

use proc_macro2::Span;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::Name;

/// Reports names that are equal or have the same Rust name.
pub(super) fn names<'a>(what: &str, names: impl Iterator<Item = &'a Name>, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<String, &Name> = HashMap::new();
    for name in names.filter(|name| !name.is_missing()) {
        let camel = name.camel();
        let Some(first) = seen.get(&camel) else {
            seen.insert(camel, name);
            continue;
        };
        let text = &name.text;
        diagnostics.push(if first.text == *text {
            Diagnostic::new(name.span, format!("duplicate {what} `{text}`")).label(first.span, "first defined here")
        } else {
            let message = format!("the {what}s `{}` and `{text}` have the same Rust name `{camel}`", first.text);
            Diagnostic::new(name.span, message).label(first.span, format!("`{}` is defined here", first.text))
        });
    }
}

/// Reports numbers that are used more than once.
pub(super) fn numbers<'a>(
    what: &str,
    numbers: impl Iterator<Item = (&'a Name, u64, Span)>,
    diagnostics: &mut Diagnostics,
) {
    let mut seen: HashMap<u64, (&Name, Span)> = HashMap::new();
    for (name, value, span) in numbers {
        match seen.get(&value) {
            Some((first, at)) => diagnostics.push(
                Diagnostic::new(span, format!("`{}` has the same {what} as `{}`: {value}", name.text, first.text))
                    .label(*at, format!("first used by `{}` here", first.text)),
            ),
            None => {
                seen.insert(value, (name, span));
            }
        }
    }
}
