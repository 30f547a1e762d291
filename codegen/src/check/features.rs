//! Rules for feature bits.

use crate::check::{names, references, unique};
use crate::mistake::{Mistake, Mistakes};
use crate::model::Feature;
use crate::name::Name;
use crate::syntax::{self, Number};

/// Whose features they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A device type's own.
    Device,
    /// Independent of the device type.
    Reserved,
}

/// Names that the generated code uses beside those of the features.
const TAKEN: [&str; 4] = ["features", "new", "from_bits", "into_bits"];

/// The features, in the order of their bits.
pub(super) fn features(
    features: &syntax::Features,
    owner: Owner,
    prefix: &str,
    mistakes: &mut Mistakes,
) -> Vec<Feature> {
    let entries = &features.entries;
    for feature in entries {
        names::check(&feature.name, mistakes);
        names::not_taken(&feature.name, &TAKEN, mistakes);
        in_range(feature.bit, owner, mistakes);
    }
    unique::names("feature", entries.iter().map(|feature| &feature.name), mistakes);
    unique::numbers(
        "bit",
        entries.iter().map(|feature| (&feature.name, feature.bit.value, feature.bit.span)),
        mistakes,
    );
    acyclic(entries, mistakes);
    let mut checked: Vec<Feature> = entries.iter().map(|feature| lower(feature, entries, prefix, mistakes)).collect();
    checked.sort_by_key(|feature| feature.bit);
    checked
}

fn lower(feature: &syntax::Feature, all: &[syntax::Feature], prefix: &str, mistakes: &mut Mistakes) -> Feature {
    let requires = mask(&feature.requires, all, mistakes);
    let requires_any = feature.requires_any.iter().map(|group| mask(group, all, mistakes)).collect();
    for group in &feature.requires_any {
        references::not_twice(group, mistakes);
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

/// The features as a mask.
fn mask(names: &[Name], all: &[syntax::Feature], mistakes: &mut Mistakes) -> u64 {
    let mut mask = 0;
    for name in names {
        match find(all, name) {
            Some(found) => mask |= 1_u64.checked_shl(clamp(found.bit)).unwrap_or(0),
            None => references::unknown_feature(name, all.iter().map(|feature| &feature.name), mistakes),
        }
    }
    mask
}

fn find<'a>(all: &'a [syntax::Feature], name: &Name) -> Option<&'a syntax::Feature> {
    all.iter().find(|feature| feature.name.text == name.text)
}

/// A bit out of range is reported by [`in_range`]; until then it is any bit.
fn clamp(bit: Number) -> u32 {
    u32::try_from(bit.value).unwrap_or(63).min(63)
}

/// A bit belongs to the owner of the features ("Feature Bits", 2.2).
fn in_range(bit: Number, owner: Owner, mistakes: &mut Mistakes) {
    let value = bit.value;
    // Bits 41 and 42 were in use by network devices before the reserved range was extended over them.
    let (allowed, whose, help) = match owner {
        Owner::Device => {
            (matches!(value, 0..=23 | 41..=42 | 50..=63), "a device's own features", "0 to 23, 41, 42 and 50 to 63")
        }
        Owner::Reserved => (matches!(value, 24..=49), "the reserved features", "24 to 49"),
    };
    if value > 63 {
        mistakes.push(
            Mistake::new(bit.span, format!("the feature bit {value} is out of range"))
                .help("feature bits are numbered from 0 to 63"),
        );
    } else if !allowed {
        mistakes.push(
            Mistake::new(bit.span, format!("the feature bit {value} is not one of {whose}"))
                .help(format!("the bits of {whose} are {help}")),
        );
    }
}

/// No feature requires itself, directly or through others, not even as one of several. Each circle is reported once, at the feature in it that
/// stands first.
fn acyclic(all: &[syntax::Feature], mistakes: &mut Mistakes) {
    let mut reported: Vec<&str> = Vec::new();
    for feature in all {
        if reported.contains(&feature.name.text.as_str()) {
            continue;
        }
        let mut path = vec![feature];
        if let Some(back) = circle(feature, all, &mut path) {
            reported.extend(path.iter().map(|feature| feature.name.text.as_str()));
            let mut names: Vec<&str> = path.iter().map(|feature| feature.name.text.as_str()).collect();
            names.push(&feature.name.text);
            mistakes.push(
                Mistake::new(back.span, format!("the feature `{}` requires itself", feature.name.text))
                    .help(format!("the circle is {}", names.join(" -> "))),
            );
        }
    }
}

/// Extends the path to a circle back to its first feature, and gives the place where the circle closes.
fn circle<'a>(
    first: &syntax::Feature,
    all: &'a [syntax::Feature],
    path: &mut Vec<&'a syntax::Feature>,
) -> Option<&'a Name> {
    let last = *path.last()?;
    for needed in last.needed() {
        if needed.text == first.name.text {
            return Some(needed);
        }
        let Some(next) = find(all, needed) else { continue };
        if path.iter().any(|feature| feature.name.text == next.name.text) {
            continue;
        }
        path.push(next);
        if let Some(back) = circle(first, all, path) {
            return Some(back);
        }
        path.pop();
    }
    None
}
