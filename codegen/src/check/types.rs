//! Rules for types.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Int, Scalar, Type};
use crate::name::Name;
use crate::syntax::TypeName;

/// The maximum length of an array. No array of the specification is longer.
const MAX_LEN: u64 = 65_536;

/// Resolves the type of a field.
pub(super) fn field(ty: &TypeName, diagnostics: &mut Diagnostics) -> Option<Type> {
    let scalar = Scalar::ALL.into_iter().find(|scalar| scalar.name == ty.element.text);
    if scalar.is_none() {
        diagnostics.push(unknown(&ty.element, &Scalar::ALL.map(|scalar| scalar.name)));
    }
    let len = ty.len.map(|len| {
        if len.value == 0 || len.value > MAX_LEN {
            let message = format!("invalid array length {}", len.value);
            diagnostics.push(Diagnostic::new(len.span, message).help(format!("an array has 1 to {MAX_LEN} elements")));
        }
        u32::try_from(len.value.clamp(1, MAX_LEN)).unwrap_or(1)
    });
    Some(Type { scalar: scalar?, len })
}

/// Resolves an integer type, which must be one of the `known` types.
pub(super) fn integer(name: &Name, known: &[Int], diagnostics: &mut Diagnostics) -> Option<Int> {
    let found = known.iter().copied().find(|int| int.name() == name.text);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|int| int.name()).collect();
        diagnostics.push(unknown(name, &names));
    }
    found
}

fn unknown(name: &Name, known: &[&'static str]) -> Diagnostic {
    let near = crate::suggest::did_you_mean(&name.text, known.iter().copied());
    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Diagnostic::new(name.span, format!("unknown type `{}`{near}", name.text))
        .help(format!("expected one of {}", list.join(", ")))
}
