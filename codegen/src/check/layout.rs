//! Rules for structures.

use proc_macro2::Span;

use crate::check::{names, types, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Struct, StructField, Type};
use crate::syntax;

/// Checks a structure. Its fields follow each other without padding.
pub(super) fn structure(structure: &syntax::Struct, diagnostics: &mut Diagnostics) -> Struct {
    let name = &structure.name;
    names::check(name, diagnostics);
    let entries = &structure.fields.entries;
    if entries.is_empty() {
        values::empty("structure", name, name.span, diagnostics);
    }
    let mut fields: Vec<StructField> = Vec::new();
    let (mut size, mut align) = (0, 1);
    // Whether the offset of the next field is known and has to be aligned.
    let mut known = !diagnostics.has_syntax_errors() && structure.packed.is_none();
    for field in entries {
        names::check(&field.name, diagnostics);
        reject_block_clauses(field, diagnostics);
        let ty = types::field(&field.ty, diagnostics);
        known &= ty.is_some();
        let ty = ty.unwrap_or(Type::BYTE);
        if known {
            align = align.max(ty.align());
            let what = format!("the field `{}`", field.name.text);
            size = check_alignment(&what, "before it", field.name.span, size, ty.align(), diagnostics);
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
        size =
            check_alignment(&format!("the end of `{}`", name.text), "at the end", name.span, size, align, diagnostics);
    }
    unique::names("field", entries.iter().map(|field| &field.name), diagnostics);
    let alias = structure.alias.clone();
    Struct { docs: structure.docs.clone(), name: name.clone(), alias, fields, size, align }
}

/// Reports an offset at which C would insert padding. Returns the offset after the padding, so that one gap causes only one
/// diagnostic.
fn check_alignment(what: &str, place: &str, span: Span, offset: u64, align: u64, diagnostics: &mut Diagnostics) -> u64 {
    let missing = offset.next_multiple_of(align) - offset;
    if missing != 0 {
        diagnostics.push(
            Diagnostic::new(span, format!("{what} is misaligned: offset {offset} is not a multiple of {align}"))
                .help(format!("add a field `padding: [u8; {missing}]` {place}, or write `packed struct`")),
        );
    }
    offset + missing
}

/// Reports clauses that are allowed only in blocks.
fn reject_block_clauses(field: &syntax::Field, diagnostics: &mut Diagnostics) {
    let clauses = field.access.iter().map(|word| (word.span, "access words are"));
    let offset = field.offset.iter().map(|offset| (offset.span, "an offset is"));
    let condition = field.conditions.first().into_iter().map(|condition| (condition.span, "`if` is"));
    for (span, what) in clauses.chain(offset).chain(condition) {
        diagnostics.push(
            Diagnostic::new(span, format!("{what} not allowed in a structure"))
                .help("only fields of `config` and `registers` can have this clause"),
        );
    }
}
