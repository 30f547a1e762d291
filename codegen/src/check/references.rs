//! Rules for names that refer to something: the features in `if` and `requires`.

use crate::mistake::{Mistake, Mistakes};
use crate::model::{Feature, Guard};
use crate::name::Name;

/// The feature that an `if` names.
pub(super) fn guard(name: Option<&Name>, features: &[Feature], mistakes: &mut Mistakes) -> Option<Guard> {
    let name = name?;
    match features.iter().find(|feature| feature.name.text == name.text) {
        Some(feature) => Some(Guard { name: name.clone(), bit: feature.bit }),
        None => {
            unknown_feature(name, features.iter().map(|feature| &feature.name), mistakes);
            None
        }
    }
}

/// The features that stand after an `if`, one of which is enough.
pub(super) fn guards(names: &[Name], features: &[Feature], mistakes: &mut Mistakes) -> Vec<Guard> {
    not_twice(names, mistakes);
    names.iter().filter_map(|name| guard(Some(name), features, mistakes)).collect()
}

/// Reports alternatives of which two are the same.
pub(super) fn not_twice(alternatives: &[Name], mistakes: &mut Mistakes) {
    for (at, name) in alternatives.iter().enumerate() {
        if let Some(first) = alternatives[..at].iter().find(|other| other.text == name.text) {
            mistakes.push(
                Mistake::new(name.span, format!("`{}` is no alternative to itself", name.text))
                    .see(first.span, "the first is here"),
            );
        }
    }
}

/// Reports a name that is no feature, unless it may be one that could not be read.
pub(super) fn unknown_feature<'a>(name: &Name, known: impl Iterator<Item = &'a Name> + Clone, mistakes: &mut Mistakes) {
    let near = crate::near::hint(&name.text, known.clone().map(|known| known.text.as_str()));
    if mistakes.is_incomplete() && near.is_empty() {
        return;
    }
    let mistake = Mistake::new(name.span, format!("unknown feature `{}`{near}", name.text));
    let all: Vec<String> = known.map(|known| format!("`{}`", known.text)).collect();
    mistakes.push(match all.is_empty() {
        true => mistake.help("there is no feature in this device to choose from"),
        false if near.is_empty() => mistake.help(format!("the features are {}", all.join(", "))),
        false => mistake,
    });
}
