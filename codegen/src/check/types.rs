//! Rules for types.

use crate::check::scope::{MAX_LEN, Scope};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::foreign;
use crate::model::{Element, Int, Scalar, Type};
use crate::name::Name;
use crate::syntax::{Length, Number, TypeName};

/// The names of scalars that a message lists. The others are spellings of the same types.
const LISTED: [&str; 10] = ["u8", "le16", "le32", "le64", "virtio16", "virtio32", "virtio64", "be16", "be32", "be64"];

/// Resolves the type of a field that is not a union.
pub(super) fn field(ty: &TypeName, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Option<Type> {
    let element = element(&ty.element, scope, diagnostics);
    let len = ty.len.as_ref().map(|len| length(len, scope, diagnostics));
    Some(Type { element: element?, len: len.map(|len| len.unwrap_or(1)) })
}

/// Resolves a type without a length.
pub(super) fn element(name: &Name, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Option<Element> {
    if let Some(scalar) = Scalar::named(&name.text) {
        return Some(Element::Scalar(scalar));
    }
    if let Some(element) = scope.element(name) {
        return Some(element);
    }
    if scope.is_open(&name.text) {
        let message = format!("the structure `{}` has no fixed size", name.text);
        let help = "a structure that ends with an array without a length cannot be the type of a field";
        diagnostics.push(Diagnostic::new(name.span, message).help(help));
        return None;
    }
    // A structure that contains itself, or an enum with an unknown type, is reported at its definition.
    if !scope.types().any(|known| known == name.text) {
        match misused_word(name, scope) {
            Some(error) => diagnostics.push(error),
            None if diagnostics.is_elsewhere(name) => {
                let message = format!("`{}` is a type of another device or module, which is not supported", name.text);
                diagnostics.push(Diagnostic::new(name.span, message).help("describe the type again in this one"));
            }
            None => diagnostics.push_unknown(name, unknown_element(name, scope)),
        }
    }
    None
}

/// Returns whether the type of a field is unknown or invalid, which is reported at the field or at the definition of the type.
pub(super) fn is_unknown(ty: &TypeName, scope: &Scope<'_>) -> bool {
    let name = &ty.element;
    ty.union.is_none() && Scalar::named(&name.text).is_none() && scope.element(name).is_none()
}

/// The error for a word that has a meaning, but is not a type.
fn misused_word(name: &Name, scope: &Scope<'_>) -> Option<Diagnostic> {
    let text = name.text.as_str();
    if text == "union" {
        let help = "write the entries after it: `union { name: type, … }`";
        return Some(Diagnostic::new(name.span, "a union without entries").help(help));
    }
    if let "read" | "write" | "setup" = text {
        return Some(Diagnostic::new(name.span, format!("missing type before `{text}`")));
    }
    if let Some(help) = foreign::type_help(text) {
        return Some(Diagnostic::new(name.span, format!("the type `{text}` is not supported")).help(help));
    }
    let member = scope.member(text)?;
    let message = format!("`{text}` is not a type");
    let label = format!("`{text}` is defined here; only a structure, an enum or a bit field is a type");
    Some(Diagnostic::new(name.span, message).label(member.name().span, label))
}

/// The error for an unknown type of a field.
fn unknown_element(name: &Name, scope: &Scope<'_>) -> Diagnostic {
    let text = name.text.as_str();
    let near = crate::suggest::did_you_mean(text, LISTED.into_iter().chain(scope.types()));
    let list = quoted(LISTED);
    let own = quoted(scope.types());
    let help = match own.is_empty() {
        true => format!("expected one of {list}, or a structure, an enum or a bit field of the same device or module"),
        false => format!("expected one of {list}, {own}"),
    };
    Diagnostic::new(name.span, format!("unknown type `{text}`{near}")).help(help)
}

/// Resolves the length of an array.
pub(super) fn length(len: &Length, scope: &Scope<'_>, diagnostics: &mut Diagnostics) -> Option<u32> {
    let number = match len {
        Length::Number(number) => *number,
        Length::Config(name) => {
            let help = "the length of an array is a number or a `const`, except in a `request`";
            diagnostics
                .push(Diagnostic::new(name.span, "a length cannot depend on the configuration space here").help(help));
            return None;
        }
        Length::Open(span) => {
            diagnostics.push(
                Diagnostic::new(*span, "an array without a length is not supported here")
                    .help("only the last field of a `struct`, and fields of a `request`, can have no length"),
            );
            return None;
        }
        Length::Named(name) => match scope.constant(&name.text) {
            Some(constant) => Number { value: constant.value.value, span: name.span },
            None => {
                diagnostics.push_unknown(name, unknown_constant(name, scope));
                return None;
            }
        },
    };
    if number.value == 0 || number.value > MAX_LEN {
        let message = format!("invalid array length {}", number.value);
        diagnostics.push(Diagnostic::new(number.span, message).help(format!("an array has 1 to {MAX_LEN} elements")));
    }
    u32::try_from(number.value.clamp(1, MAX_LEN)).ok()
}

/// The error for an unknown constant, as [`unknown_element`].
fn unknown_constant(name: &Name, scope: &Scope<'_>) -> Diagnostic {
    let near = crate::suggest::did_you_mean(&name.text, scope.constants());
    let error = Diagnostic::new(name.span, format!("unknown constant `{}`{near}", name.text));
    error.help("the length of an array is a number or a `const` of the same device or module")
}

/// Resolves the type of an enum or a bit field.
pub(super) fn repr(name: &Name, diagnostics: &mut Diagnostics) -> Option<Scalar> {
    let found = Scalar::named(&name.text);
    if found.is_none() && !name.is_missing() {
        diagnostics.push(unknown_integer(name, integers()));
    }
    found
}

/// Resolves the type of a constant.
pub(super) fn constant(name: &Name, diagnostics: &mut Diagnostics) -> Option<Int> {
    if name.text == Int::Usize.name() {
        return Some(Int::Usize);
    }
    let found = Scalar::named(&name.text).map(|scalar| scalar.int);
    if found.is_none() {
        diagnostics.push(unknown_integer(name, integers().chain([Int::Usize.name()])));
    }
    found
}

/// Returns the names of all integers with a byte order.
fn integers() -> impl Iterator<Item = &'static str> + Clone {
    Scalar::ALL.iter().map(|scalar| scalar.name)
}

fn unknown_integer(name: &Name, known: impl Iterator<Item = &'static str> + Clone) -> Diagnostic {
    if let Some(help) = foreign::type_help(&name.text) {
        return Diagnostic::new(name.span, format!("the type `{}` is not supported", name.text)).help(help);
    }
    let near = crate::suggest::did_you_mean(&name.text, known.clone());
    Diagnostic::new(name.span, format!("unknown integer type `{}`{near}", name.text))
        .help(format!("expected one of {}", quoted(known)))
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
