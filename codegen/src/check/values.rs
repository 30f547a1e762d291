//! Rules for enums, bit fields and constants.

use proc_macro2::Span;

use crate::check::{names, ranges, types, unique};
use crate::mistake::{Mistake, Mistakes};
use crate::model::{BitField, Bits, Const, Enum, Int, Variant};
use crate::name::Name;
use crate::syntax;

/// Something that describes nothing, unless what it describes could not be read.
pub(super) fn empty(what: &str, name: &Name, span: Span, mistakes: &mut Mistakes) {
    if mistakes.is_incomplete() {
        return;
    }
    mistakes.push(
        Mistake::new(span, format!("the {what} `{}` is empty", name.text))
            .help("describe something in it or remove it"),
    );
}

/// A set of values.
pub(super) fn enumeration(values: &syntax::Enum, mistakes: &mut Mistakes) -> Option<Enum> {
    names::check(&values.name, mistakes);
    if values.variants.is_empty() {
        empty("enum", &values.name, values.name.span, mistakes);
    }
    let repr = types::integer(&values.repr, &Int::STORED, mistakes);
    for variant in &values.variants {
        names::check(&variant.name, mistakes);
        names::not_taken(&variant.name, &["unknown"], mistakes);
        if let Some(repr) = repr {
            ranges::value(&variant.name, variant.value, repr, mistakes);
        }
    }
    unique::names("value", values.variants.iter().map(|variant| &variant.name), mistakes);
    let numbers = values.variants.iter().map(|variant| (&variant.name, variant.value.value, variant.value.span));
    unique::numbers("value", numbers, mistakes);
    let variants = values
        .variants
        .iter()
        .map(|variant| Variant {
            docs: variant.docs.clone(),
            name: variant.name.clone(),
            alias: variant.alias.clone(),
            value: variant.value.value,
        })
        .collect();
    let alias = values.alias.clone();
    Some(Enum { docs: values.docs.clone(), name: values.name.clone(), alias, repr: repr?, variants })
}

/// An integer made of bits with names.
pub(super) fn bits(bits: &syntax::Bits, mistakes: &mut Mistakes) -> Option<Bits> {
    names::check(&bits.name, mistakes);
    if bits.fields.is_empty() {
        empty("bit field", &bits.name, bits.name.span, mistakes);
    }
    let repr = types::integer(&bits.repr, &Int::STORED, mistakes);
    let mut fields: Vec<(BitField, Span)> = Vec::new();
    for field in &bits.fields {
        names::check(&field.name, mistakes);
        names::not_taken(&field.name, &["new", "from_bits", "into_bits"], mistakes);
        fields.extend(part(field, repr.unwrap_or(Int::U64), mistakes).map(|part| (part, field.low.span)));
    }
    unique::names("bit", bits.fields.iter().map(|field| &field.name), mistakes);
    fields.sort_by_key(|(field, _)| field.low);
    for pair in fields.windows(2) {
        let [(first, at), (second, span)] = pair else { continue };
        if second.low < first.low + first.width.unwrap_or(1) {
            let message = format!("`{}` overlaps `{}` in bit {}", second.name.text, first.name.text, second.low);
            mistakes.push(Mistake::new(*span, message).see(*at, format!("`{}` is here", first.name.text)));
        }
    }
    let fields = fields.into_iter().map(|(field, _)| field).collect();
    let alias = bits.alias.clone();
    Some(Bits { docs: bits.docs.clone(), name: bits.name.clone(), alias, repr: repr?, fields })
}

fn part(field: &syntax::BitField, repr: Int, mistakes: &mut Mistakes) -> Option<BitField> {
    let low: u32 =
        ranges::fit(field.low, &format!("in a `{}` the bit", repr.name()), u64::from(repr.bits()) - 1, mistakes)?;
    let width = match field.end {
        Some(end) if end.value <= field.low.value => {
            let message = format!("the range {}..{} is empty", field.low.value, end.value);
            mistakes.push(Mistake::new(end.span, message).help("a range ends with the bit after its last"));
            return None;
        }
        Some(end) => {
            let what = format!("in a `{}` the end of the range,", repr.name());
            Some(ranges::fit::<u32>(end, &what, u64::from(repr.bits()), mistakes)? - low)
        }
        None => None,
    };
    let alias = field.alias.clone();
    Some(BitField { docs: field.docs.clone(), name: field.name.clone(), alias, low, width })
}

/// A constant.
pub(super) fn constant(constant: &syntax::Const, mistakes: &mut Mistakes) -> Option<Const> {
    names::check(&constant.name, mistakes);
    let ints = [Int::U8, Int::U16, Int::U32, Int::U64, Int::Usize];
    let ty = types::integer(&constant.ty, &ints, mistakes)?;
    ranges::value(&constant.name, constant.value, ty, mistakes);
    Some(Const {
        docs: constant.docs.clone(),
        name: constant.name.clone(),
        alias: constant.alias.clone(),
        ty,
        value: constant.value.value,
    })
}
