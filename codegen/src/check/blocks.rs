//! Rules for configuration spaces and register blocks.

use proc_macro2::Span;

use crate::check::scope::Scope;
use crate::check::{choices, layout, names, references, unions, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::foreign;
use crate::model::{Access, Block, Choice, Element, Feature, Field, Type, When};
use crate::name::{CNames, Name};
use crate::syntax::{self, Docs};

/// Names that the generated code uses in addition to those of the fields.
const RESERVED: [&str; 1] = ["space"];

/// The maximum offset of a field. No block of the specification is larger, and a sum of two such offsets cannot overflow.
const MAX_OFFSET: u64 = 0x1000_0000;

/// Checks a register block.
pub(super) fn registers(registers: &syntax::Registers, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Block {
    names::check(&registers.name, diagnostics);
    if registers.fields.entries.is_empty() {
        values::empty("register block", &registers.name, registers.name.span, &registers.fields.skipped, diagnostics);
    }
    for condition in registers.fields.entries.iter().filter_map(|field| field.conditions.first()) {
        diagnostics.push(
            Diagnostic::new(condition.span, "`if` is not allowed in a register block")
                .help(foreign::clause_help("if").unwrap_or_default()),
        );
    }
    let alias = registers.alias.clone();
    block(&registers.docs, &registers.name, alias, &registers.fields, None, scope, diagnostics)
}

/// Checks a block. Its fields can depend on `features`, if there are any.
pub(super) fn block(
    docs: &Docs,
    name: &Name,
    alias: CNames,
    fields: &syntax::Fields,
    features: Option<&[Feature]>,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Block {
    let entries = &fields.entries;
    let (mut checked, mut names): (Vec<(Field, Span)>, Vec<Name>) = Default::default();
    let mut chosen: Vec<Choice> = Vec::new();
    // Fields whose offset is unknown. Others can refer to them.
    let mut unplaced: Vec<Field> = Vec::new();
    // `None` if the end of the previous field is unknown, because an error came before it.
    let mut end = Some(0);
    for (at, field) in entries.iter().enumerate() {
        end = end.filter(|_| !fields.skipped.is_at(at));
        names::check(&field.name, diagnostics);
        names::not_reserved(&field.name, &RESERVED, diagnostics);
        let before = entries.get(..at).unwrap_or_default();
        let ty = unions::field(name, before, field, scope, diagnostics);
        if ty.is_none() && features.is_some() {
            diagnostics.add_unresolved(&field.name);
        }
        let offset = offset(field, ty.as_ref(), end, diagnostics);
        end = ty.as_ref().and_then(|ty| Some(offset? + ty.size()));
        let checked_field = Field {
            docs: field.docs.clone(),
            name: field.name.clone(),
            ty: ty.unwrap_or(Type::BYTE),
            offset: offset.unwrap_or(0),
            access: access(field, diagnostics),
            conditions: features
                .map_or_else(Vec::new, |features| references::conditions(&field.conditions, features, diagnostics)),
            alias: field.alias.clone(),
            overlay: None,
        };
        layout::reject_value(field, "a block", diagnostics);
        chosen.extend(choices::choice(before, field, &checked_field.ty, scope, diagnostics));
        let mut numbers = Vec::new();
        let mut arrays = Vec::new();
        flatten(checked_field, scope, &mut numbers, &mut arrays);
        reject_structure_arrays(field, &arrays, diagnostics);
        if end.is_some() {
            let span = field.offset.map_or(field.name.span, |offset| offset.span);
            checked.extend(numbers.iter().map(|number| (number.clone(), span)));
        } else {
            unplaced.extend(numbers.iter().cloned());
        }
        names.extend(numbers.into_iter().map(|number| number.name));
    }
    names.extend(chosen.iter().map(|choice| choices::value_name(&choice.name)));
    unique::names("field", names.iter(), diagnostics);
    checked.sort_by_key(|(field, _)| field.offset);
    check_overlaps(&checked, diagnostics);
    let fields: Vec<Field> = checked.into_iter().map(|(field, _)| field).chain(unplaced).collect();
    let len = fields.iter().map(|field| field.offset + field.ty.size()).max().unwrap_or(0);
    Block { docs: docs.clone(), name: name.clone(), alias, fields, len, choices: chosen }
}

/// Replaces a field whose type is a structure by the fields of the structure: `range: range` by `range_start` and `range_end`.
/// Structures that are elements of arrays become `arrays`.
fn flatten(field: Field, scope: &Scope<'_>, numbers: &mut Vec<Field>, arrays: &mut Vec<Name>) {
    let structure = match &field.ty.element {
        Element::Struct(structure) if field.ty.len.is_some() => {
            arrays.push(structure.name.clone());
            return;
        }
        Element::Struct(structure) => structure,
        Element::Union(union) => {
            for entry in &union.entries {
                let name = choices::part_name(&field.name, &entry.name);
                let alias =
                    CNames::one(format!("{}.{}", field.alias.first().unwrap_or(&field.name.text), entry.name.text));
                let overlay = Some(field.overlay.as_ref().map_or(&field.name, |outer| outer).clone());
                let (docs, ty) = (entry.docs.clone(), entry.ty.clone());
                flatten(Field { docs, name, ty, alias, overlay, ..field.clone() }, scope, numbers, arrays);
            }
            return;
        }
        Element::Scalar(_) | Element::Value(_) => {
            numbers.push(field);
            return;
        }
    };
    for (inner, ty, offset) in scope.fields(&structure.name) {
        let name = choices::part_name(&field.name, &inner.name);
        let alias = CNames::one(format!("{}.{}", field.alias.first().unwrap_or(&field.name.text), inner.name.text));
        let (docs, offset) = (inner.docs.clone(), field.offset + offset);
        let number = Field { docs, name, ty, offset, alias, ..field.clone() };
        flatten(number, scope, numbers, arrays);
    }
}

/// Reports arrays of structures.
fn reject_structure_arrays(field: &syntax::Field, elements: &[Name], diagnostics: &mut Diagnostics) {
    for element in elements {
        let message = "arrays of structures are not supported in a block";
        diagnostics.push(
            Diagnostic::new(field.ty.element.span, message)
                .help(format!("write a field of type `{}` for each element", element.text)),
        );
    }
}

/// Returns the offset of a field: the given offset, or the end of the previous field. Fields are aligned to their width.
/// 64-bit fields with a given offset are aligned to 32 bits only, because drivers access them in halves.
fn offset(field: &syntax::Field, ty: Option<&Type>, end: Option<u64>, diagnostics: &mut Diagnostics) -> Option<u64> {
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
        // One gap causes only one diagnostic.
        let next = field.offset.map_or(offset.next_multiple_of(align), |_| offset);
        let (name, ty) = (&field.name.text, ty.element.name());
        diagnostics.push(
            Diagnostic::new(span, format!("`{name}` is misaligned: offset {offset:#x} is not a multiple of {align}"))
                .help(format!(
                    "the next offset for a `{ty}` is {:#x}: write `@ {0:#x}` or add padding before the field",
                    offset.next_multiple_of(align)
                )),
        );
        return Some(next);
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
    // Reserved bytes have no access.
    let is_reserved = ["reserved", "padding"].iter().any(|word| field.name.text.starts_with(word));
    if field.access.is_empty() && !is_reserved {
        let name = &field.name.text;
        diagnostics.push(
            Diagnostic::new(field.name.span, format!("missing access of the field `{name}`"))
                .help("add `read`, `write` or `setup` (writable until DRIVER_OK) after the type"),
        );
    }
    access
}

/// The name of the union that a field is part of.
fn overlay_name(field: &Field) -> Option<&str> {
    field.overlay.as_ref().map(|name| name.text.as_str())
}

/// Reports overlapping fields. The fields are in the order of their offsets.
fn check_overlaps(fields: &[(Field, Span)], diagnostics: &mut Diagnostics) {
    let Some(((first, at), rest)) = fields.split_first() else { return };
    let (mut furthest, mut furthest_at) = (first, at);
    for (field, span) in rest {
        let end = furthest.offset + furthest.ty.size();
        let is_overlay = field.overlay.is_some() && overlay_name(field) == overlay_name(furthest);
        if field.offset < end && !is_overlay {
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
