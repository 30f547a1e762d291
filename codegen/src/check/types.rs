//! Rules for types.

use crate::check::scope::{MAX_LEN, Scope};
use crate::diagnostic::{Diagnostic, Diagnostics};
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
        diagnostics.extend(unknown_element(name, scope, diagnostics.has_syntax_errors()));
    }
    None
}

/// The error for an unknown type of a field. After a syntax error only misspellings are reported, because the type may be
/// missing from the syntax tree.
fn unknown_element(name: &Name, scope: &Scope<'_>, is_incomplete: bool) -> Option<Diagnostic> {
    let text = name.text.as_str();
    if text == "union" {
        let help = "write the entries after it: `union { name: type, … }`";
        return Some(Diagnostic::new(name.span, "a union without entries").help(help));
    }
    if let "read" | "write" | "setup" = text {
        return Some(Diagnostic::new(name.span, format!("missing type before `{text}`")));
    }
    if let Some(help) = unsupported(text) {
        return Some(Diagnostic::new(name.span, format!("the type `{text}` is not supported")).help(help));
    }
    if let Some(member) = scope.member(text) {
        let message = format!("`{text}` is not a type");
        let label = format!("`{text}` is defined here; only a structure, an enum or a bit field is a type");
        return Some(Diagnostic::new(name.span, message).label(member.name().span, label));
    }
    let near = crate::suggest::did_you_mean(text, LISTED.into_iter().chain(scope.types()));
    if is_incomplete && near.is_empty() {
        return None;
    }
    let list = quoted(LISTED);
    let own = quoted(scope.types());
    let help = match own.is_empty() {
        true => format!("expected one of {list}, or a structure, an enum or a bit field of the same device or module"),
        false => format!("expected one of {list}, {own}"),
    };
    Some(Diagnostic::new(name.span, format!("unknown type `{text}`{near}")).help(help))
}

/// Returns what to write in place of a type that other languages have and descriptions do not.
fn unsupported(text: &str) -> Option<&'static str> {
    Some(match text {
        "char" | "bool" | "i8" | "s8" | "__u8" => "write `u8`",
        "i16" | "s16" | "__u16" | "__le16" => "write `le16`",
        "i32" | "s32" | "__u32" | "__le32" | "int" | "f32" => "write `le32`",
        "i64" | "s64" | "__u64" | "__le64" | "f64" => "write `le64`",
        "u128" | "i128" | "le128" => "write an array of `le64`",
        "usize" | "isize" => "the width of a field is fixed: write `le32` or `le64`",
        _ => return None,
    })
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
                diagnostics.extend(unknown_constant(name, scope, diagnostics.has_syntax_errors()));
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
fn unknown_constant(name: &Name, scope: &Scope<'_>, is_incomplete: bool) -> Option<Diagnostic> {
    let near = crate::suggest::did_you_mean(&name.text, scope.constants());
    if is_incomplete && near.is_empty() {
        return None;
    }
    let error = Diagnostic::new(name.span, format!("unknown constant `{}`{near}", name.text));
    Some(error.help("the length of an array is a number or a `const` of the same device or module"))
}

/// Resolves the type of an enum or a bit field.
pub(super) fn repr(name: &Name, diagnostics: &mut Diagnostics) -> Option<Scalar> {
    let found = Scalar::named(&name.text);
    if found.is_none() {
        diagnostics.push(unknown_integer(name, &["u8", "u16", "u32", "u64", "le16", "le32", "le64"]));
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
        diagnostics.push(unknown_integer(name, &["u8", "u16", "u32", "u64", "le16", "le32", "le64", "usize"]));
    }
    found
}

fn unknown_integer(name: &Name, known: &[&'static str]) -> Diagnostic {
    let near = crate::suggest::did_you_mean(&name.text, known.iter().copied());
    Diagnostic::new(name.span, format!("unknown integer type `{}`{near}", name.text))
        .help(format!("expected one of {}", quoted(known.iter().copied())))
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
