//! Rules for types.

use crate::mistake::{Mistake, Mistakes};
use crate::model::{Int, Scalar, Type};
use crate::name::Name;
use crate::syntax::TypeName;

/// The most elements that an array can have: far more than any field of the specification.
const LONGEST: u64 = 65_536;

/// The type of a field, where it is known.
pub(super) fn field(ty: &TypeName, mistakes: &mut Mistakes) -> Option<Type> {
    let scalar = Scalar::ALL.into_iter().find(|scalar| scalar.name == ty.element.text);
    if scalar.is_none() {
        mistakes.push(unknown(&ty.element, &Scalar::ALL.map(|scalar| scalar.name)));
    }
    let len = ty.len.map(|len| {
        if len.value == 0 || len.value > LONGEST {
            let message = format!("an array of {} elements cannot be described", len.value);
            mistakes.push(Mistake::new(len.span, message).help(format!("an array has 1 to {LONGEST} elements")));
        }
        u32::try_from(len.value.clamp(1, LONGEST)).unwrap_or(1)
    });
    Some(Type { scalar: scalar?, len })
}

/// The integer that values are stored as, one of the `known`.
pub(super) fn integer(name: &Name, known: &[Int], mistakes: &mut Mistakes) -> Option<Int> {
    let found = known.iter().copied().find(|int| int.name() == name.text);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|int| int.name()).collect();
        mistakes.push(unknown(name, &names));
    }
    found
}

fn unknown(name: &Name, known: &[&'static str]) -> Mistake {
    let near = crate::near::hint(&name.text, known.iter().copied());
    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Mistake::new(name.span, format!("unknown type `{}`{near}", name.text))
        .help(format!("the types are {}", list.join(", ")))
}
