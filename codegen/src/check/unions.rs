//! Rules for unions.

use std::slice;

use crate::check::scope::Scope;
use crate::check::{names, types, unique};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Element, Selector, Type, UnionEntry, UnionType};
use crate::name::Name;
use crate::syntax::{self, Field, Member, Union, VariantValue};

/// Resolves the type of a field, which can be a union. `owner` has the name of the structure and its fields before this one.
pub(super) fn field(
    owner: &Name,
    before: &[Field],
    field: &Field,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Type> {
    let Some(union) = &field.ty.union else { return types::field(&field.ty, scope, diagnostics) };
    if union.entries.is_empty() && !union.skipped.is_any() {
        let message = format!("the union `{}` is empty", field.name.text);
        diagnostics.push(Diagnostic::new(union.span, message).help("add an entry or remove it"));
    }
    unique::names("entry", union.entries.iter().map(|entry| &entry.name), diagnostics);
    let selector = union.selector.as_ref().and_then(|name| selector(name, before, union, scope, diagnostics));
    reject_values(union, diagnostics);
    let mut entries = Vec::new();
    for entry in &union.entries {
        names::check(&entry.name, diagnostics);
        if let Some(nested) = &entry.ty.union {
            diagnostics.push(
                Diagnostic::new(nested.span, "a union inside a union is not supported")
                    .help("define a `struct` that contains the inner union, and use it as the type of the entry"),
            );
            continue;
        }
        if let Some(ty) = types::field(&entry.ty, scope, diagnostics) {
            let values = if selector.is_some() { choosing(entry) } else { &[] };
            entries.push(UnionEntry {
                docs: entry.docs.clone(),
                name: entry.name.clone(),
                ty,
                values: values.to_vec(),
            });
        }
    }
    if entries.len() < union.entries.len() || entries.is_empty() || union.skipped.is_any() {
        return None;
    }
    let name = Name { text: format!("{}_{}", owner.text, field.name.text), span: field.name.span };
    Some(Type { element: Element::Union(UnionType::new(name, entries, selector)), len: None })
}

/// The values that choose an entry, if a field does.
fn choosing(entry: &syntax::UnionEntry) -> &[Name] {
    if entry.values.is_empty() { slice::from_ref(&entry.name) } else { &entry.values }
}

/// Reports values where no field chooses the entry.
fn reject_values(union: &Union, diagnostics: &mut Diagnostics) {
    if union.selector.is_some() {
        return;
    }
    for value in union.entries.iter().filter_map(|entry| entry.values.first()) {
        diagnostics.push(
            Diagnostic::new(value.span, "`if` is not allowed in a union without `by`")
                .help("write `union by name`, with the name of the field whose values choose the entry"),
        );
    }
}

/// Resolves the field that chooses the entry of a union.
fn selector(
    name: &Name,
    before: &[Field],
    union: &Union,
    scope: &Scope<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Selector> {
    let Some(field) = before.iter().find(|field| field.name.text == name.text) else {
        let near = crate::suggest::did_you_mean(&name.text, before.iter().map(|field| field.name.text.as_str()));
        let error = Diagnostic::new(name.span, format!("unknown field `{}`{near}", name.text));
        diagnostics.push_unknown(name, error.help("the name after `by` is a field before the union"));
        return None;
    };
    if types::is_unknown(&field.ty, scope) {
        return None;
    }
    let element = match field.ty.len {
        None => scope.element(&field.ty.element),
        Some(_) => None,
    };
    let (Some(Element::Value(ty)), Some(Member::Enum(values))) = (element, scope.member(&field.ty.element.text)) else {
        diagnostics.push(
            Diagnostic::new(name.span, format!("the type of `{}` is not an enum", name.text))
                .label(field.ty.element.span, "this is its type")
                .help("define an `enum` whose values have the names of the union's entries"),
        );
        return None;
    };
    let known = || {
        let numbered = values.variants.iter().filter(|variant| !matches!(variant.value, VariantValue::Other));
        numbered.map(|variant| variant.name.text.as_str())
    };
    let mut seen: Vec<&Name> = Vec::new();
    for value in union.entries.iter().flat_map(choosing) {
        if !known().any(|known| known == value.text) {
            let near = crate::suggest::did_you_mean(&value.text, known());
            let message = format!("`{}` has no value `{}`{near}", ty.name.text, value.text);
            let help = "with `by`, an entry has the name of a value of the enum, or such names after `if`";
            diagnostics.push_unknown(value, Diagnostic::new(value.span, message).help(help));
        }
        match seen.iter().find(|first| first.text == value.text) {
            // Entries of the same name are reported as such.
            Some(first) if union.entries.iter().any(|entry| !entry.values.is_empty()) => {
                let message = format!("the value `{}` chooses two entries", value.text);
                diagnostics.push(Diagnostic::new(value.span, message).label(first.span, "it chooses this one too"));
            }
            _ => seen.push(value),
        }
    }
    Some(Selector { field: field.name.clone(), ty: ty.name })
}
