//! Rules for configuration spaces and register blocks.

use proc_macro2::Span;

use crate::check::{names, references, types, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Access, Block, Feature, Field, Type, When};
use crate::name::Name;
use crate::syntax::{self, Docs};

/// Names that the generated code uses in addition to those of the fields.
const RESERVED: [&str; 1] = ["space"];

/// The maximum offset of a field. No block of the specification is larger, and a sum of two such offsets cannot overflow.
const MAX_OFFSET: u64 = 0x1000_0000;

/// Checks a register block.
pub(super) fn registers(registers: &syntax::Registers, diagnostics: &mut Diagnostics) -> Block {
    names::check(&registers.name, diagnostics);
    if registers.fields.entries.is_empty() {
        values::empty("register block", &registers.name, registers.name.span, diagnostics);
    }
    for condition in registers.fields.entries.iter().filter_map(|field| field.conditions.first()) {
        diagnostics.push(
            Diagnostic::new(condition.span, "`if` is not allowed in a register block")
                .help("only fields of a `config` can depend on features"),
        );
    }
    let alias = registers.alias.clone();
    block(&registers.docs, &registers.name, alias, &registers.fields, None, diagnostics)
}

/// Checks a block. Its fields can depend on `features`, if there are any.
pub(super) fn block(
    docs: &Docs,
    name: &Name,
    alias: Option<String>,
    fields: &syntax::Fields,
    features: Option<&[Feature]>,
    diagnostics: &mut Diagnostics,
) -> Block {
    let entries = &fields.entries;
    let mut checked: Vec<(Field, Span)> = Vec::new();
    // `None` if the end of the previous field is unknown, because an error came before it.
    let mut end = (!diagnostics.has_syntax_errors()).then_some(0);
    for field in entries {
        names::check(&field.name, diagnostics);
        names::not_reserved(&field.name, &RESERVED, diagnostics);
        let ty = types::field(&field.ty, diagnostics);
        let offset = offset(field, ty, end, diagnostics);
        end = ty.and_then(|ty| Some(offset? + ty.size()));
        let (ty, offset) = (ty.unwrap_or(Type::BYTE), offset.unwrap_or(0));
        let checked_field = Field {
            docs: field.docs.clone(),
            name: field.name.clone(),
            ty,
            offset,
            access: access(field, diagnostics),
            conditions: features
                .map_or_else(Vec::new, |features| references::conditions(&field.conditions, features, diagnostics)),
            alias: field.alias.clone(),
        };
        if end.is_some() {
            checked.push((checked_field, field.offset.map_or(field.name.span, |offset| offset.span)));
        }
    }
    unique::names("field", entries.iter().map(|field| &field.name), diagnostics);
    checked.sort_by_key(|(field, _)| field.offset);
    check_overlaps(&checked, diagnostics);
    let fields: Vec<Field> = checked.into_iter().map(|(field, _)| field).collect();
    let len = fields.iter().map(|field| field.offset + field.ty.size()).max().unwrap_or(0);
    Block { docs: docs.clone(), name: name.clone(), alias, fields, len }
}

/// Returns the offset of a field: the given offset, or the end of the previous field. Fields are aligned to their width.
/// 64-bit fields with a given offset are aligned to 32 bits only, because drivers access them in halves.
fn offset(field: &syntax::Field, ty: Option<Type>, end: Option<u64>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let (offset, span, max_align) = match field.offset {
        Some(offset) => (offset.value, offset.span, 4),
        None => (end?, field.name.span, 8),
    };
    let ty = ty?;
    let align = ty.align().min(max_align);
    if offset > MAX_OFFSET {
        diagnostics
            .push(Diagnostic::new(span, format!("offset {offset:#x} is too large: the maximum is {MAX_OFFSET:#x}")));
        return None;
    }
    if !offset.is_multiple_of(align) {
        let (name, ty) = (&field.name.text, ty.scalar.name);
        diagnostics.push(
            Diagnostic::new(span, format!("`{name}` is misaligned: offset {offset:#x} is not a multiple of {align}"))
                .help(format!(
                    "the next offset for a `{ty}` is {:#x}: write `@ {0:#x}` or add padding before the field",
                    offset.next_multiple_of(align)
                )),
        );
    }
    Some(offset)
}

/// Combines the access words.
fn access(field: &syntax::Field, diagnostics: &mut Diagnostics) -> Access {
    let mut access = Access::default();
    let mut seen: Vec<syntax::Access> = Vec::new();
    for word in &field.access {
        let text = syntax::Access::ALL.iter().find(|(_, access)| *access == word.access).map_or("", |(text, _)| text);
        if seen.contains(&word.access) {
            diagnostics.push(Diagnostic::new(word.span, format!("duplicate `{text}`")));
        }
        seen.push(word.access);
        match word.access {
            syntax::Access::Read => access.read = true,
            syntax::Access::Write => access.write = Some(When::Always),
            syntax::Access::Setup => access.write = access.write.or(Some(When::Setup)),
        }
    }
    if seen.contains(&syntax::Access::Write)
        && let Some(setup) = field.access.iter().find(|word| word.access == syntax::Access::Setup)
    {
        let message = "redundant `setup`: `write` already allows writing at any time";
        diagnostics.push(Diagnostic::new(setup.span, message).help("remove one of the two"));
    }
    if field.access.is_empty() {
        let name = &field.name.text;
        diagnostics.push(
            Diagnostic::new(field.name.span, format!("missing access of the field `{name}`"))
                .help("add `read`, `write` or `setup` (writable until DRIVER_OK) after the type"),
        );
    }
    access
}

/// Reports overlapping fields. The fields are in the order of their offsets.
fn check_overlaps(fields: &[(Field, Span)], diagnostics: &mut Diagnostics) {
    let Some(((first, at), rest)) = fields.split_first() else { return };
    let (mut furthest, mut furthest_at) = (first, at);
    for (field, span) in rest {
        let end = furthest.offset + furthest.ty.size();
        if field.offset < end {
            let (name, offset, other) = (&field.name.text, field.offset, &furthest.name.text);
            let last = end - 1;
            diagnostics.push(
                Diagnostic::new(*span, format!("`{name}` at {offset:#x} overlaps `{other}`"))
                    .label(*furthest_at, format!("`{other}` occupies {:#x} to {last:#x}", furthest.offset)),
            );
        }
        if field.offset + field.ty.size() > end {
            (furthest, furthest_at) = (field, span);
        }
    }
}
