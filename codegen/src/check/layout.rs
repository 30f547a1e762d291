//! Rules for structures.

use proc_macro2::Span;

use crate::check::scope::Scope;
use crate::check::{names, types, unions, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::foreign;
use crate::model::{Struct, StructField, Type};
use crate::syntax::{self, Length};

/// The maximum size of a structure in bytes. No structure of the specification is larger.
const MAX_SIZE: u64 = 0x100_0000;

/// Checks a structure. Its fields follow each other without padding.
pub(super) fn structure<'a>(structure: &'a syntax::Struct, scope: &Scope<'a>, diagnostics: &mut Diagnostics) -> Struct {
    let name = &structure.name;
    names::check(name, diagnostics);
    let entries = &structure.fields.entries;
    if entries.is_empty() {
        values::empty("structure", name, name.span, &structure.fields.skipped, diagnostics);
    }
    if let Some(ty) = scope.cycle(structure) {
        let message = format!("the structure `{}` contains itself", name.text);
        diagnostics
            .push(Diagnostic::new(ty.span, message).label(name.span, format!("`{}` is defined here", name.text)));
    }
    let mut fields: Vec<StructField> = Vec::new();
    let (mut size, mut align) = (0, 1);
    // Whether the offset of the next field is known and has to be aligned.
    let mut known = structure.packed.is_none();
    let (entries, open) = match entries.split_last() {
        Some((last, before)) if matches!(last.ty.len, Some(Length::Open(_))) => (before, Some(last)),
        _ => (&entries[..], None),
    };
    for (at, field) in entries.iter().enumerate() {
        names::check(&field.name, diagnostics);
        reject_block_clauses(field, diagnostics);
        let before = entries.get(..at).unwrap_or_default();
        let ty = unions::field(name, before, field, scope, diagnostics);
        known &= ty.is_some() && !structure.fields.skipped.is_at(at);
        let ty = ty.unwrap_or(Type::BYTE);
        if known {
            align = align.max(ty.align());
            let what = format!("the field `{}`", field.name.text);
            size = check_alignment(&what, "before it", field.name.span, size, ty.align(), diagnostics);
        }
        let field_size = ty.size();
        fields.push(StructField {
            docs: field.docs.clone(),
            name: field.name.clone(),
            alias: field.alias.clone(),
            ty,
            offset: size,
        });
        size = size.saturating_add(field_size);
    }
    if known && !structure.fields.skipped.is_any() {
        size =
            check_alignment(&format!("the end of `{}`", name.text), "at the end", name.span, size, align, diagnostics);
    }
    let tail = open.and_then(|field| tail(field, scope, size, diagnostics));
    unique::names("field", entries.iter().chain(open).map(|field| &field.name), diagnostics);
    let alias = structure.alias.clone();
    if size > MAX_SIZE {
        let message = format!("the structure `{}` is too large: {size} bytes", name.text);
        diagnostics.push(Diagnostic::new(name.span, message).help(format!("the maximum is {MAX_SIZE}")));
    }
    let has_byte_order = fields.iter().chain(&tail).any(|field| field.ty.has_byte_order());
    Struct { docs: structure.docs.clone(), name: name.clone(), alias, fields, size, align, has_byte_order, tail }
}

/// Checks the last field of a structure, an array without a length.
fn tail(field: &syntax::Field, scope: &Scope<'_>, offset: u64, diagnostics: &mut Diagnostics) -> Option<StructField> {
    names::check(&field.name, diagnostics);
    reject_block_clauses(field, diagnostics);
    let ty = Type { element: types::element(&field.ty.element, scope, diagnostics)?, len: None };
    let (docs, name, alias) = (field.docs.clone(), field.name.clone(), field.alias.clone());
    Some(StructField { docs, name, alias, ty, offset })
}

/// Reports an offset at which C would insert padding. Returns the offset after the padding, so that one gap causes only one
/// diagnostic.
fn check_alignment(what: &str, place: &str, span: Span, offset: u64, align: u64, diagnostics: &mut Diagnostics) -> u64 {
    let missing = offset.next_multiple_of(align) - offset;
    if missing != 0 {
        diagnostics.push(
            Diagnostic::new(span, format!("{what} is misaligned: offset {offset:#x} is not a multiple of {align}"))
                .help(format!("add a field `padding: [u8; {missing}]` {place}, or write `packed struct`")),
        );
    }
    offset + missing
}

/// Reports clauses that fields of a structure cannot have.
fn reject_block_clauses(field: &syntax::Field, diagnostics: &mut Diagnostics) {
    let clauses = field.access.iter().map(|word| (word.span, "access words are", "read"));
    let offset = field.offset.iter().map(|offset| (offset.span, "an offset is", "@"));
    for (span, what, clause) in clauses.chain(offset) {
        diagnostics.push(
            Diagnostic::new(span, format!("{what} not allowed in a structure"))
                .help(foreign::clause_help(clause).unwrap_or_default()),
        );
    }
    if let Some(condition) = field.conditions.first() {
        diagnostics.push(
            Diagnostic::new(condition.span, "`if` is not allowed in a structure").help(
                "only fields of a `config` and of a `request` can depend on features: describe the optional part in a `request`",
            ),
        );
    }
    reject_value(field, "a structure", diagnostics);
}

/// Reports a value outside of a request.
pub(super) fn reject_value(field: &syntax::Field, place: &str, diagnostics: &mut Diagnostics) {
    if let Some(value) = &field.value {
        diagnostics.push(
            Diagnostic::new(value.span(), format!("a value is not allowed in {place}"))
                .help(foreign::clause_help("=").unwrap_or_default()),
        );
    }
}
