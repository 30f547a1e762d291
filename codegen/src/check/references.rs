//! Rules for references to features in `if` and `requires`.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Condition, Feature};
use crate::name::Name;

/// Resolves the feature of an `if`.
pub(super) fn condition(name: Option<&Name>, features: &[Feature], diagnostics: &mut Diagnostics) -> Option<Condition> {
    let name = name?;
    match features.iter().find(|feature| feature.name.text == name.text) {
        Some(feature) => Some(Condition { name: name.clone(), bit: feature.bit }),
        None => {
            unknown_feature(name, features.iter().map(|feature| &feature.name), diagnostics);
            None
        }
    }
}

/// Resolves the alternatives of an `if`.
pub(super) fn conditions(names: &[Name], features: &[Feature], diagnostics: &mut Diagnostics) -> Vec<Condition> {
    check_duplicates(names, diagnostics);
    names.iter().filter_map(|name| condition(Some(name), features, diagnostics)).collect()
}

/// Reports duplicate alternatives.
pub(super) fn check_duplicates(alternatives: &[Name], diagnostics: &mut Diagnostics) {
    for (at, name) in alternatives.iter().enumerate() {
        if let Some(first) = alternatives[..at].iter().find(|other| other.text == name.text) {
            diagnostics.push(
                Diagnostic::new(name.span, format!("duplicate alternative `{}`", name.text))
                    .label(first.span, "first used here"),
            );
        }
    }
}

/// Reports an unknown feature. After a syntax error only misspellings are reported, because the feature may be missing from
/// the syntax tree.
pub(super) fn unknown_feature<'a>(
    name: &Name,
    known: impl Iterator<Item = &'a Name> + Clone,
    diagnostics: &mut Diagnostics,
) {
    let near = crate::suggest::did_you_mean(&name.text, known.clone().map(|known| known.text.as_str()));
    if diagnostics.has_syntax_errors() && near.is_empty() {
        return;
    }
    let error = Diagnostic::new(name.span, format!("unknown feature `{}`{near}", name.text));
    let all: Vec<String> = known.map(|known| format!("`{}`", known.text)).collect();
    diagnostics.push(match all.is_empty() {
        true => error.help("the device has no features"),
        false if near.is_empty() => error.help(format!("the features are {}", all.join(", "))),
        false => error,
    });
}
