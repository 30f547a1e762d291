//! Rules for references to features in `if` and `requires`.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Condition, Feature, Field};
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

/// The features of all device types, as `spec/vspec/reserved.vspec` describes them.
const RESERVED: [&str; 15] = [
    "notify_on_empty",
    "any_layout",
    "indirect_desc",
    "event_idx",
    "version_1",
    "access_platform",
    "ring_packed",
    "in_order",
    "order_platform",
    "sr_iov",
    "notification_data",
    "notif_config_data",
    "ring_reset",
    "admin_vq",
    "suspend",
];

/// Reports a field of the configuration space that the driver needs and cannot read.
pub(super) fn check_readable(name: &Name, field: &Field, diagnostics: &mut Diagnostics) {
    // A field without access words is reported as such, unless its name says that it is reserved.
    let is_reserved = ["reserved", "padding"].iter().any(|word| field.name.text.starts_with(word));
    if !field.access.read && (field.access.write.is_some() || is_reserved) {
        diagnostics.push(
            Diagnostic::new(name.span, format!("the driver cannot read the field `{}`", name.text))
                .label(field.name.span, format!("`{}` is not `read`", name.text))
                .help("add `read` after the type of the field"),
        );
    }
}

/// Reports an unknown feature.
pub(super) fn unknown_feature<'a>(
    name: &Name,
    known: impl Iterator<Item = &'a Name> + Clone,
    diagnostics: &mut Diagnostics,
) {
    if RESERVED.contains(&name.text.as_str()) {
        let message = format!("`{}` is a reserved feature, and not one of the device", name.text);
        let help = "only features of the device can be named here; describe what has another layout with a reserved feature as a `struct` or \
                    `request` of its own";
        diagnostics.push_unknown(name, Diagnostic::new(name.span, message).help(help));
        return;
    }
    let near = crate::suggest::did_you_mean(&name.text, known.clone().map(|known| known.text.as_str()));
    let error = Diagnostic::new(name.span, format!("unknown feature `{}`{near}", name.text));
    let all: Vec<String> = known.map(|known| format!("`{}`", known.text)).collect();
    let error = match all.is_empty() {
        true if diagnostics.has_skipped() => error,
        true => error.help("the device has no features"),
        false if near.is_empty() => error.help(format!("the features are {}", all.join(", "))),
        false => error,
    };
    diagnostics.push_unknown(name, error);
}
