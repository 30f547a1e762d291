//! Rules for structures in memory.

use proc_macro2::Span;

use crate::check::{names, types, unique, values};
use crate::mistake::{Mistake, Mistakes};
use crate::model::{Struct, StructField, Type};
use crate::syntax;

/// A structure: its fields follow one another, without padding.
pub(super) fn structure(structure: &syntax::Struct, mistakes: &mut Mistakes) -> Struct {
    let name = &structure.name;
    names::check(name, mistakes);
    let entries = &structure.fields.entries;
    if entries.is_empty() {
        values::empty("structure", name, name.span, mistakes);
    }
    let mut fields: Vec<StructField> = Vec::new();
    let (mut size, mut align) = (0, 1);
    // Behind something that was not understood, nobody knows where a field is.
    let mut known = !mistakes.is_incomplete() && structure.packed.is_none();
    for field in entries {
        names::check(&field.name, mistakes);
        without_clauses(field, mistakes);
        let ty = types::field(&field.ty, mistakes);
        known &= ty.is_some();
        let ty = ty.unwrap_or(Type::BYTE);
        if known {
            align = align.max(ty.align());
            let what = format!("the field `{}`", field.name.text);
            size = padded(&what, "before it", field.name.span, size, ty.align(), mistakes);
        }
        fields.push(StructField {
            docs: field.docs.clone(),
            name: field.name.clone(),
            alias: field.alias.clone(),
            ty,
            offset: size,
        });
        size += ty.size();
    }
    if known {
        size = padded(&format!("the end of `{}`", name.text), "as the last", name.span, size, align, mistakes);
    }
    unique::names("field", entries.iter().map(|field| &field.name), mistakes);
    let alias = structure.alias.clone();
    Struct { docs: structure.docs.clone(), name: name.clone(), alias, fields, size, align }
}

/// Where C would put padding at this offset, it has to be written as a field. Gives the offset after the padding, so
/// that one gap is one mistake.
fn padded(what: &str, place: &str, span: Span, offset: u64, align: u64, mistakes: &mut Mistakes) -> u64 {
    let missing = offset.next_multiple_of(align) - offset;
    if missing != 0 {
        mistakes.push(
            Mistake::new(span, format!("{what} is misaligned: offset {offset} is not a multiple of {align}"))
                .help(format!("add a field `padding: [u8; {missing}]` {place}, or say `packed struct`")),
        );
    }
    offset + missing
}

/// A field in memory has a name and a type, and nothing else but a C name.
fn without_clauses(field: &syntax::Field, mistakes: &mut Mistakes) {
    let clauses = field.access.iter().map(|word| (word.span, "an access word"));
    let offset = field.offset.iter().map(|offset| (offset.span, "an offset"));
    let guard = field.guards.first().into_iter().map(|guard| (guard.span, "`if`"));
    for (span, what) in clauses.chain(offset).chain(guard) {
        mistakes.push(
            Mistake::new(span, format!("{what} has no meaning in a structure"))
                .help("it belongs to the fields of `config` and `registers`"),
        );
    }
}
