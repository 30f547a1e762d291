//! Rules for enums, bit fields and constants.

use proc_macro2::Span;

use crate::check::{names, ranges, types, unique};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{BitField, Bits, Const, Enum, Int, Other, Variant};
use crate::name::Name;
use crate::syntax::{self, Number, Skipped, VariantValue};

/// Reports an empty item, unless its entries are only missing from the syntax tree.
pub(super) fn empty(what: &str, name: &Name, span: Span, skipped: &Skipped, diagnostics: &mut Diagnostics) {
    if skipped.is_any() || name.is_missing() {
        return;
    }
    diagnostics
        .push(Diagnostic::new(span, format!("the {what} `{}` is empty", name.text)).help("add an entry or remove it"));
}

/// Checks an enum.
pub(super) fn enumeration(values: &syntax::Enum, diagnostics: &mut Diagnostics) -> Option<Enum> {
    names::check(&values.name, diagnostics);
    if values.variants.is_empty() {
        empty("enum", &values.name, values.name.span, &values.skipped, diagnostics);
    }
    let scalar = types::repr(&values.repr, diagnostics);
    let repr = scalar.map(|scalar| scalar.int);
    let numbers = numbers(values);
    for (variant, value) in values.variants.iter().zip(&numbers) {
        names::check(&variant.name, diagnostics);
        names::not_reserved(&variant.name, &["unknown"], diagnostics);
        if let (Some(repr), Some(value)) = (repr, *value) {
            ranges::value(&variant.name, value, repr, diagnostics);
        }
    }
    let other = other_values(values, diagnostics);
    unique::names("value", values.variants.iter().map(|variant| &variant.name), diagnostics);
    let numbered = || values.variants.iter().zip(&numbers).filter_map(|(variant, value)| Some((variant, (*value)?)));
    unique::numbers("value", numbered().map(|(variant, value)| (&variant.name, value.value, value.span)), diagnostics);
    let variants = numbered()
        .map(|(variant, value)| Variant {
            docs: variant.docs.clone(),
            name: variant.name.clone(),
            alias: variant.alias.clone(),
            value: value.value,
        })
        .collect();
    let alias = values.alias.clone();
    Some(Enum { docs: values.docs.clone(), name: values.name.clone(), alias, repr: repr?, variants, other })
}

/// Returns the number of each entry. Returns `None` for the entry that names all other values, and for an entry whose number is unknown,
/// because the entry before it is missing from the syntax tree.
pub(super) fn numbers(values: &syntax::Enum) -> Vec<Option<Number>> {
    let mut next = Some(0_u64);
    let variants = values.variants.iter().enumerate();
    variants
        .map(|(at, variant)| {
            if values.skipped.is_at(at) {
                next = None;
            }
            let number = match variant.value {
                VariantValue::Number(number) => number,
                VariantValue::Next => Number { value: next?, span: variant.name.span },
                VariantValue::Other => return None,
            };
            // After the maximum, 0 follows, which is reported as a duplicate or is the first use of the value.
            next = Some(number.value.wrapping_add(1));
            Some(number)
        })
        .collect()
}

/// Returns the entry that names all other values of an enum, if there is one. A second one is an error.
fn other_values(values: &syntax::Enum, diagnostics: &mut Diagnostics) -> Option<Other> {
    let mut others = values.variants.iter().filter(|variant| matches!(variant.value, VariantValue::Other));
    let first = others.next()?;
    for another in others {
        let message = format!("`{}` names all other values again", another.name.text);
        let first = (first.name.span, format!("`{}` names them already", first.name.text));
        diagnostics.push(Diagnostic::new(another.name.span, message).label(first.0, first.1));
    }
    Some(Other { docs: first.docs.clone(), name: first.name.clone(), alias: first.alias.clone() })
}

/// Checks a bit field.
pub(super) fn bits(bits: &syntax::Bits, diagnostics: &mut Diagnostics) -> Option<Bits> {
    names::check(&bits.name, diagnostics);
    if bits.fields.is_empty() {
        empty("bit field", &bits.name, bits.name.span, &bits.skipped, diagnostics);
    }
    let repr = types::repr(&bits.repr, diagnostics).map(|scalar| scalar.int);
    let mut fields: Vec<(BitField, Span)> = Vec::new();
    for field in &bits.fields {
        names::check(&field.name, diagnostics);
        names::not_reserved(&field.name, &["new", "from_bits", "into_bits"], diagnostics);
        fields.extend(part(field, repr.unwrap_or(Int::U64), diagnostics).map(|part| (part, field.low.span)));
    }
    unique::names("bit", bits.fields.iter().map(|field| &field.name), diagnostics);
    fields.sort_by_key(|(field, _)| field.low);
    for pair in fields.windows(2) {
        let [(first, at), (second, span)] = pair else { continue };
        if second.low < first.low + first.width.unwrap_or(1) {
            let message = format!("`{}` overlaps `{}` in bit {}", second.name.text, first.name.text, second.low);
            diagnostics
                .push(Diagnostic::new(*span, message).label(*at, format!("`{}` is defined here", first.name.text)));
        }
    }
    let fields = fields.into_iter().map(|(field, _)| field).collect();
    let alias = bits.alias.clone();
    Some(Bits { docs: bits.docs.clone(), name: bits.name.clone(), alias, repr: repr?, fields })
}

/// Checks one part of a bit field.
fn part(field: &syntax::BitField, repr: Int, diagnostics: &mut Diagnostics) -> Option<BitField> {
    let low: u32 =
        ranges::fit(field.low, &format!("in `{}`, bit", repr.name()), u64::from(repr.bits()) - 1, diagnostics)?;
    let width = match field.end {
        Some(end) if end.value <= field.low.value => {
            let message = format!("the range {}..{} is empty", field.low.value, end.value);
            diagnostics.push(Diagnostic::new(end.span, message).help("the end of a range is exclusive"));
            return None;
        }
        Some(end) => {
            let what = format!("in `{}`, the range end", repr.name());
            Some(ranges::fit::<u32>(end, &what, u64::from(repr.bits()), diagnostics)? - low)
        }
        None => None,
    };
    let alias = field.alias.clone();
    Some(BitField { docs: field.docs.clone(), name: field.name.clone(), alias, low, width })
}

/// Checks a constant.
pub(super) fn constant(constant: &syntax::Const, diagnostics: &mut Diagnostics) -> Option<Const> {
    names::check(&constant.name, diagnostics);
    let ty = types::constant(&constant.ty, diagnostics)?;
    ranges::value(&constant.name, constant.value, ty, diagnostics);
    Some(Const {
        docs: constant.docs.clone(),
        name: constant.name.clone(),
        alias: constant.alias.clone(),
        ty,
        value: constant.value.value,
    })
}
