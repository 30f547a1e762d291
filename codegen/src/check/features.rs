//! Rules for feature bits.

use crate::check::{names, references, unique};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Feature;
use crate::name::Name;
use crate::syntax::{self, Number};

/// The owner of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A device type.
    Device,
    /// All device types.
    Reserved,
}

/// Names that the generated code uses in addition to those of the features.
const RESERVED: [&str; 4] = ["features", "new", "from_bits", "into_bits"];

/// Checks features. Returns them in the order of their bits.
pub(super) fn features(
    features: &syntax::Features,
    owner: Owner,
    prefix: &str,
    diagnostics: &mut Diagnostics,
) -> Vec<Feature> {
    let entries = &features.entries;
    for feature in entries {
        names::check(&feature.name, diagnostics);
        names::not_reserved(&feature.name, &RESERVED, diagnostics);
        check_bit(feature.bit, owner, diagnostics);
    }
    unique::names("feature", entries.iter().map(|feature| &feature.name), diagnostics);
    unique::numbers(
        "bit",
        entries.iter().map(|feature| (&feature.name, feature.bit.value, feature.bit.span)),
        diagnostics,
    );
    check_cycles(entries, diagnostics);
    let mut checked: Vec<Feature> =
        entries.iter().map(|feature| lower(feature, entries, prefix, diagnostics)).collect();
    checked.sort_by_key(|feature| feature.bit);
    checked
}

/// Lowers a feature to the model.
fn lower(feature: &syntax::Feature, all: &[syntax::Feature], prefix: &str, diagnostics: &mut Diagnostics) -> Feature {
    let requires = mask(&feature.requires, all, diagnostics);
    let requires_any = feature.requires_any.iter().map(|group| mask(group, all, diagnostics)).collect();
    for group in &feature.requires_any {
        references::check_duplicates(group, diagnostics);
    }
    Feature {
        docs: feature.docs.clone(),
        name: feature.name.clone(),
        bit: clamp(feature.bit),
        requires,
        requires_any,
        c_name: format!("{prefix}_F_{}", feature.name.upper()),
        alias: feature.alias.clone(),
    }
}

/// Returns the mask of the named features. Reports unknown features.
fn mask(names: &[Name], all: &[syntax::Feature], diagnostics: &mut Diagnostics) -> u128 {
    let mut mask = 0;
    for name in names {
        match find(all, name) {
            Some(found) => mask |= 1_u128.checked_shl(clamp(found.bit)).unwrap_or(0),
            None => references::unknown_feature(name, all.iter().map(|feature| &feature.name), diagnostics),
        }
    }
    mask
}

fn find<'a>(all: &'a [syntax::Feature], name: &Name) -> Option<&'a syntax::Feature> {
    all.iter().find(|feature| feature.name.text == name.text)
}

/// Returns the number of a bit. A bit that is out of range is reported by [`check_bit`]; its number does not matter.
fn clamp(bit: Number) -> u32 {
    u32::try_from(bit.value).unwrap_or(127).min(127)
}

/// Reports a bit that the owner cannot use ("Feature Bits", 2.2).
fn check_bit(bit: Number, owner: Owner, diagnostics: &mut Diagnostics) {
    let value = bit.value;
    let error = match (owner, value) {
        (_, 128..) => Diagnostic::new(bit.span, format!("feature bit {value} is out of range"))
            .help("feature bits are numbered from 0 to 127"),
        // Bit 41 is both: network devices use it on the legacy interface, and ADMIN_VQ is a feature of all devices.
        (Owner::Device, 0..=23 | 41..=42 | 50..) | (Owner::Reserved, 24..=41 | 43) => return,
        (Owner::Device, _) => Diagnostic::new(bit.span, format!("feature bit {value} is reserved"))
            .help("a device type can use bits 0 to 23, 41, 42 and 50 to 127"),
        (Owner::Reserved, 44..=49) => {
            Diagnostic::new(bit.span, format!("feature bit {value} is reserved for future extensions"))
                .help("VIRTIO 1.4 uses the reserved bits 24 to 41 and 43")
        }
        (Owner::Reserved, _) => Diagnostic::new(bit.span, format!("feature bit {value} is not reserved"))
            .help("the reserved bits are 24 to 41 and 43"),
    };
    diagnostics.push(error);
}

/// Reports features that require themselves, directly or through others. Each cycle is reported once, at its first feature in
/// the description.
fn check_cycles(all: &[syntax::Feature], diagnostics: &mut Diagnostics) {
    let mut reported: Vec<&str> = Vec::new();
    for feature in all {
        if reported.contains(&feature.name.text.as_str()) {
            continue;
        }
        let mut path = vec![feature];
        let Some(last) = find_cycle(feature, all, &mut path) else { continue };
        let mut names: Vec<&str> = path.iter().map(|feature| feature.name.text.as_str()).collect();
        reported.extend(&names);
        names.push(&feature.name.text);
        diagnostics.push(
            Diagnostic::new(last.span, format!("the feature `{}` requires itself", feature.name.text))
                .help(format!("remove one of these requirements: {}", names.join(" -> "))),
        );
    }
}

/// Extends the path to a cycle through `first`. Returns the reference that closes the cycle.
fn find_cycle<'a>(
    first: &syntax::Feature,
    all: &'a [syntax::Feature],
    path: &mut Vec<&'a syntax::Feature>,
) -> Option<&'a Name> {
    let last = *path.last()?;
    for required in last.required() {
        if required.text == first.name.text {
            return Some(required);
        }
        let Some(next) = find(all, required) else { continue };
        if path.iter().any(|feature| feature.name.text == next.name.text) {
            continue;
        }
        path.push(next);
        if let Some(closing) = find_cycle(first, all, path) {
            return Some(closing);
        }
        path.pop();
    }
    None
}
