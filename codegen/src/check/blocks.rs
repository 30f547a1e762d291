//! Rules for configuration spaces and register blocks.

use proc_macro2::Span;

use crate::check::{names, references, types, unique, values};
use crate::mistake::{Mistake, Mistakes};
use crate::model::{Access, Block, Feature, Field, Type, When};
use crate::name::Name;
use crate::syntax::{self, Docs};

/// Names that the generated code uses beside those of the fields.
const TAKEN: [&str; 1] = ["space"];

/// No block of the specification is larger, and offsets below it cannot overflow.
const LARGEST: u64 = 0x1000_0000;

/// A block of registers.
pub(super) fn registers(registers: &syntax::Registers, mistakes: &mut Mistakes) -> Block {
    names::check(&registers.name, mistakes);
    if registers.fields.entries.is_empty() {
        values::empty("register block", &registers.name, registers.name.span, mistakes);
    }
    for guard in registers.fields.entries.iter().filter_map(|field| field.guards.first()) {
        mistakes.push(
            Mistake::new(guard.span, "`if` has no meaning in a register block")
                .help("only the `config` of a device depends on features"),
        );
    }
    let alias = registers.alias.clone();
    block(&registers.docs, &registers.name, alias, &registers.fields, None, mistakes)
}

/// A block, whose fields may depend on `features` where there are any.
pub(super) fn block(
    docs: &Docs,
    name: &Name,
    alias: Option<String>,
    fields: &syntax::Fields,
    features: Option<&[Feature]>,
    mistakes: &mut Mistakes,
) -> Block {
    let entries = &fields.entries;
    let mut checked: Vec<(Field, Span)> = Vec::new();
    // Behind something that was not understood, nobody knows where a field is unless it says so.
    let mut end = (!mistakes.is_incomplete()).then_some(0);
    for field in entries {
        names::check(&field.name, mistakes);
        names::not_taken(&field.name, &TAKEN, mistakes);
        let ty = types::field(&field.ty, mistakes);
        let offset = place(field, ty, end, mistakes);
        end = ty.and_then(|ty| Some(offset? + ty.size()));
        let (ty, offset) = (ty.unwrap_or(Type::BYTE), offset.unwrap_or(0));
        let checked_field = Field {
            docs: field.docs.clone(),
            name: field.name.clone(),
            ty,
            offset,
            access: access(field, mistakes),
            guards: features.map_or_else(Vec::new, |features| references::guards(&field.guards, features, mistakes)),
            alias: field.alias.clone(),
        };
        if end.is_some() {
            checked.push((checked_field, field.offset.map_or(field.name.span, |offset| offset.span)));
        }
    }
    unique::names("field", entries.iter().map(|field| &field.name), mistakes);
    checked.sort_by_key(|(field, _)| field.offset);
    apart(&checked, mistakes);
    let fields: Vec<Field> = checked.into_iter().map(|(field, _)| field).collect();
    let len = fields.iter().map(|field| field.offset + field.ty.size()).max().unwrap_or(0);
    Block { docs: docs.clone(), name: name.clone(), alias, fields, len }
}

/// Where a field starts: at its own offset, or at the end of the field before it. Fields are aligned to their width,
/// but one of 64 bits with an offset of its own only to 32, because drivers access its halves.
fn place(field: &syntax::Field, ty: Option<Type>, end: Option<u64>, mistakes: &mut Mistakes) -> Option<u64> {
    let (offset, span, widest) = match field.offset {
        Some(offset) => (offset.value, offset.span, 4),
        None => (end?, field.name.span, 8),
    };
    let ty = ty?;
    let align = ty.align().min(widest);
    if offset > LARGEST {
        mistakes.push(Mistake::new(span, format!("the offset {offset:#x} is larger than any block")));
        return None;
    }
    if !offset.is_multiple_of(align) {
        let (name, ty) = (&field.name.text, ty.scalar.name);
        mistakes.push(
            Mistake::new(span, format!("`{name}` is misaligned: offset {offset:#x} is not a multiple of {align}"))
                .help(format!(
                    "a `{ty}` can stand at {:#x}: write `@ {0:#x}` or add a field before it",
                    offset.next_multiple_of(align)
                )),
        );
    }
    Some(offset)
}

/// What the access words allow.
fn access(field: &syntax::Field, mistakes: &mut Mistakes) -> Access {
    let mut access = Access::default();
    let mut seen: Vec<syntax::Access> = Vec::new();
    for word in &field.access {
        let text = syntax::Access::ALL.iter().find(|(_, access)| *access == word.access).map_or("", |(text, _)| text);
        if seen.contains(&word.access) {
            mistakes.push(Mistake::new(word.span, format!("`{text}` is there twice")));
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
        let message = "`setup` says nothing beside `write`, which allows more";
        mistakes.push(Mistake::new(setup.span, message).help("keep one of the two"));
    }
    if field.access.is_empty() {
        let name = &field.name.text;
        mistakes.push(
            Mistake::new(field.name.span, format!("nothing says what the driver may do to `{name}`"))
                .help("add `read`, `write`, or `setup` (writable until DRIVER_OK) after the type"),
        );
    }
    access
}

/// No two fields overlap. The fields are in order of their offsets.
fn apart(fields: &[(Field, Span)], mistakes: &mut Mistakes) {
    let Some(((first, at), rest)) = fields.split_first() else { return };
    let (mut furthest, mut furthest_at) = (first, at);
    for (field, span) in rest {
        let end = furthest.offset + furthest.ty.size();
        if field.offset < end {
            let (name, offset, other) = (&field.name.text, field.offset, &furthest.name.text);
            let last = end - 1;
            mistakes.push(
                Mistake::new(*span, format!("`{name}` at {offset:#x} overlaps `{other}`"))
                    .see(*furthest_at, format!("`{other}` takes {:#x} to {last:#x}", furthest.offset)),
            );
        }
        if field.offset + field.ty.size() > end {
            (furthest, furthest_at) = (field, span);
        }
    }
}
