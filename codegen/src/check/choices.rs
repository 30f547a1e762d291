//! Rules for unions in blocks whose entry a field chooses.

use crate::check::scope::Scope;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Choice, ChoiceEntry, Element, Part, Type};
use crate::name::Name;
use crate::syntax::{Access, Field};

/// Resolves a field that is a union with `by`. `before` has the fields before it. Returns `None` for all other fields.
pub(super) fn choice(
    before: &[Field],
    field: &Field,
    ty: &Type,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Choice> {
    let Element::Union(union) = &ty.element else { return None };
    let selector = union.selector.as_ref()?;
    let chooses = before.iter().find(|field| field.name.text == selector.field.text)?;
    for field in [chooses, field] {
        let name = &field.name;
        if !field.access.iter().any(|word| word.access == Access::Read) {
            diagnostics
                .push(Diagnostic::new(name.span, format!("`{}` is not readable", name.text)).help(
                    "the entry of a union with `by` is read together with the field that chooses it: add `read`",
                ));
        }
        if let Some(condition) = field.conditions.first() {
            let message =
                "a union with `by` in a block cannot depend on a feature, nor can the field that chooses its entry";
            diagnostics.push(Diagnostic::new(condition.span, message).help("remove `by`, or the `if` after the field"));
        }
    }
    let mut entries = Vec::new();
    for entry in &union.entries {
        let name = part_name(&field.name, &entry.name);
        match part(&name, &entry.ty, scope) {
            Some(part) => entries.push(ChoiceEntry {
                docs: entry.docs.clone(),
                name: entry.name.clone(),
                ty: entry.ty.clone(),
                values: entry.values.clone(),
                part,
            }),
            None => diagnostics.push(
                Diagnostic::new(entry.name.span, "a union inside a union is not supported in a block")
                    .help("remove `by`, or describe the inner union as fields of the structure"),
            ),
        }
    }
    Some(Choice { name: field.name.clone(), selector: selector.clone(), entries })
}

/// The name of a part of a field.
pub(super) fn part_name(field: &Name, part: &Name) -> Name {
    Name { text: format!("{}_{}", field.text, part.text), span: field.span }
}

/// The name of the type that a union has for the chosen entry.
pub(super) fn value_name(union: &Name) -> Name {
    Name { text: format!("{}_value", union.text), span: union.span }
}

/// Returns the fields that a value of this type consists of. Returns `None` if it contains a union. Arrays of structures are reported
/// for the fields of the block.
fn part(name: &Name, ty: &Type, scope: &Scope<'_>) -> Option<Part> {
    match &ty.element {
        Element::Scalar(_) | Element::Value(_) => Some(Part::Field(name.clone(), ty.clone())),
        Element::Struct(structure) => {
            let fields = scope.fields(&structure.name).into_iter();
            let parts = fields.map(|(inner, ty, _)| part(&part_name(name, &inner.name), &ty, scope));
            Some(Part::Struct(structure.name.clone(), parts.collect::<Option<_>>()?))
        }
        Element::Union(_) => None,
    }
}
