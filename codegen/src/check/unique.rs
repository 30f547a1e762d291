//! Rules against the same thing twice.

use std::collections::HashMap;

use proc_macro2::Span;

use crate::mistake::{Mistake, Mistakes};
use crate::name::Name;

/// No two names are the same, nor make the same Rust name.
pub(super) fn names<'a>(what: &str, names: impl Iterator<Item = &'a Name>, mistakes: &mut Mistakes) {
    let mut seen: HashMap<String, &Name> = HashMap::new();
    for name in names {
        let camel = name.camel();
        let Some(first) = seen.get(&camel) else {
            seen.insert(camel, name);
            continue;
        };
        let (text, label) = (&name.text, format!("`{}` is here", first.text));
        mistakes.push(if first.text == *text {
            Mistake::new(name.span, format!("the {what} `{text}` is there twice")).see(first.span, "the first is here")
        } else {
            let message = format!("the {what}s `{}` and `{text}` make the same Rust name `{camel}`", first.text);
            Mistake::new(name.span, message).see(first.span, label)
        });
    }
}

/// No two numbers are the same.
pub(super) fn numbers<'a>(what: &str, numbers: impl Iterator<Item = (&'a Name, u64, Span)>, mistakes: &mut Mistakes) {
    let mut seen: HashMap<u64, (&Name, Span)> = HashMap::new();
    for (name, value, span) in numbers {
        match seen.get(&value) {
            Some((first, at)) => mistakes.push(
                Mistake::new(span, format!("`{}` has the same {what} as `{}`: {value}", name.text, first.text))
                    .see(*at, format!("`{}` has it here", first.text)),
            ),
            None => {
                seen.insert(value, (name, span));
            }
        }
    }
}
