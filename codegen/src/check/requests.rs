//! Rules for requests.

use crate::check::scope::{DeviceParts, Scope};
use crate::check::{names, references, types, unique, values};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Count, Element, Int, Queue, Request, RequestField, Scalar, ValueKind};
use crate::name::{CNames, Name};
use crate::syntax::{self, FieldValue, Length, Member, VariantValue};

/// Names that the generated code uses in addition to those of the fields.
const RESERVED: [&str; 2] = ["context", "byte_order"];

/// The maximum number of values that a message lists.
const LISTED: usize = 12;

/// The rules for one request.
struct Rules<'a, 'o> {
    scope: &'a Scope<'a>,
    device: DeviceParts<'o>,
    request: &'a syntax::Request,
}

/// Checks a request.
pub(super) fn request<'a>(
    request: &'a syntax::Request,
    scope: &'a Scope<'a>,
    device: DeviceParts<'_>,
    diagnostics: &mut Diagnostics,
) -> Request {
    names::check(&request.name, diagnostics);
    if request.readable.is_none() && request.writable.is_none() {
        values::empty("request", &request.name, request.name.span, &request.skipped, diagnostics);
    }
    let queues = queues(request, device, diagnostics);
    let rules = Rules { scope, device, request };
    let readable = rules.part(request.readable.as_ref(), true, diagnostics);
    let writable = rules.part(request.writable.as_ref(), false, diagnostics);
    let lengths: Vec<Name> = writable.iter().filter_map(RequestField::length_name).collect();
    unique::names("field", readable.iter().map(|field| &field.name).chain(&lengths), diagnostics);
    unique::names("field", writable.iter().map(|field| &field.name), diagnostics);
    let (docs, name, alias) = (request.docs.clone(), request.name.clone(), request.alias.clone());
    let [readable_alias, writable_alias] = [&request.readable, &request.writable]
        .map(|part| part.as_ref().map_or_else(CNames::default, |part| part.alias.clone()));
    Request { docs, name, alias, queues, readable_alias, writable_alias, readable, writable }
}

/// Returns the queues of the request: those after `on`, or else those of the device whose buffers have its parts.
fn queues(request: &syntax::Request, device: DeviceParts<'_>, diagnostics: &mut Diagnostics) -> Vec<Name> {
    let mut queues: Vec<Name> = Vec::new();
    for name in &request.queues {
        if let Some(first) = queues.iter().find(|queue| queue.text == name.text) {
            let duplicate = Diagnostic::new(name.span, format!("duplicate queue `{}` after `on`", name.text));
            diagnostics.push(duplicate.label(first.span, "first named here"));
        } else if let Some(queue) = check_queue(name, device, diagnostics) {
            queues.push(name.clone());
            check_direction(request, queue, diagnostics);
        }
    }
    if request.queues.is_empty() {
        let fits = |queue: &&Queue| excluded_part(request, queue).is_none();
        queues.extend(device.queues.iter().filter(fits).map(|queue| queue.name.clone()));
        if queues.is_empty() && !device.queues.is_empty() && !device.has_skipped_queues {
            let message = format!("no queue of the device has buffers for the parts of `{}`", request.name.text);
            let help = "a queue with the word `readable` or `writable` has buffers with only this part";
            diagnostics.push(Diagnostic::new(request.name.span, message).help(help));
        }
    }
    queues
}

/// Returns the part of the request that the buffers of the queue do not have.
fn excluded_part<'r>(request: &'r syntax::Request, queue: &Queue) -> Option<&'r syntax::Fields> {
    let part = match queue.writable? {
        true => &request.readable,
        false => &request.writable,
    };
    part.as_ref().filter(|part| !part.entries.is_empty())
}

/// Reports a part of the request that the buffers of the queue do not have.
fn check_direction(request: &syntax::Request, queue: &Queue, diagnostics: &mut Diagnostics) {
    let Some(part) = excluded_part(request, queue) else { return };
    let (name, queue_name) = (&request.name.text, &queue.name.text);
    let (allowed, part_name, verb) = match queue.writable {
        Some(true) => ("writable", "readable", "writes"),
        _ => ("readable", "writable", "reads"),
    };
    let message = format!(
        "the request `{name}` has a `{part_name}` part, but the device only {verb} the buffers of `{queue_name}`"
    );
    let help = format!("remove the part, name another queue after `on`, or remove `{allowed}` after the queue");
    let label = format!("`{queue_name}` is `{allowed}`");
    diagnostics.push(Diagnostic::new(part.span, message).label(queue.name.span, label).help(help));
}

/// Finds a queue. Reports an unknown one.
fn check_queue<'d>(name: &Name, device: DeviceParts<'d>, diagnostics: &mut Diagnostics) -> Option<&'d Queue> {
    let known = || device.queues.iter().map(|queue| queue.name.text.as_str());
    if let Some(queue) = device.queues.iter().find(|queue| queue.name.text == name.text) {
        return Some(queue);
    }
    let near = crate::suggest::did_you_mean(&name.text, known());
    let error = Diagnostic::new(name.span, format!("unknown queue `{}`{near}", name.text));
    diagnostics.push_unknown(name, error.help("the names after `on` are queues of the same device"));
    None
}

impl<'a> Rules<'a, '_> {
    /// Checks the fields of one part.
    fn part(
        &self,
        fields: Option<&syntax::Fields>,
        readable: bool,
        diagnostics: &mut Diagnostics,
    ) -> Vec<RequestField> {
        let entries = fields.map_or(&[][..], |fields| &fields.entries);
        entries.iter().filter_map(|field| self.field(field, readable, diagnostics)).collect()
    }

    fn field(&self, field: &syntax::Field, readable: bool, diagnostics: &mut Diagnostics) -> Option<RequestField> {
        names::check(&field.name, diagnostics);
        names::not_reserved(&field.name, &RESERVED, diagnostics);
        if let Some(word) = field.access.first() {
            diagnostics.push(
                Diagnostic::new(word.span, "access words are not allowed in a request")
                    .help("the device reads the `readable` part and writes the `writable` part"),
            );
        }
        if let Some(offset) = field.offset {
            diagnostics.push(Diagnostic::new(offset.span, "an offset is not allowed in a request").help(
                "the fields follow each other without padding; write a field `padding: [u8; 2]` where the text has one",
            ));
        }
        if let Some(union) = &field.ty.union {
            diagnostics.push(
                Diagnostic::new(union.span, "a union is not supported in a request")
                    .help("define a `struct` that contains the union, and use it as the type of the field"),
            );
            return None;
        }
        let element = types::element(&field.ty.element, self.scope, diagnostics);
        let count = self.count(field, readable, diagnostics);
        let conditions = references::conditions(&field.conditions, self.device.features, diagnostics);
        let (element, count) = (element?, count?);
        let value = match &field.value {
            Some(value) => self.value(value, readable, &element, &count, diagnostics),
            None => None,
        };
        let (docs, name, alias) = (field.docs.clone(), field.name.clone(), field.alias.clone());
        Some(RequestField { docs, name, alias, element, count, conditions, value })
    }

    /// Resolves the length of an array.
    fn count(&self, field: &syntax::Field, readable: bool, diagnostics: &mut Diagnostics) -> Option<Count> {
        match &field.ty.len {
            None => Some(Count::One),
            Some(Length::Open(_)) => Some(Count::Open),
            Some(Length::Config(name)) => self.config_field(name, diagnostics),
            Some(Length::Named(name)) if self.scope.constant(&name.text).is_none() => {
                self.length_field(name, field, readable, diagnostics)
            }
            Some(len) => types::length(len, self.scope, diagnostics).map(Count::Fixed),
        }
    }

    /// Finds the field of the configuration space that gives a length.
    fn config_field(&self, name: &Name, diagnostics: &mut Diagnostics) -> Option<Count> {
        let known = self.device.config;
        let Some(found) = known.iter().find(|field| field.name.text == name.text) else {
            let near = crate::suggest::did_you_mean(&name.text, known.iter().map(|field| field.name.text.as_str()));
            let message = format!("unknown field `{}` of the configuration space{near}", name.text);
            diagnostics.push_unknown(name, Diagnostic::new(name.span, message));
            return None;
        };
        references::check_readable(name, found, diagnostics);
        match (&found.ty.element, found.ty.len) {
            (Element::Scalar(scalar), None) => Some(Count::Config { name: name.clone(), int: scalar.int }),
            _ => {
                let message = format!("the field `{}` cannot be a length", name.text);
                let label = format!("`{}` is not an integer", name.text);
                diagnostics.push(Diagnostic::new(name.span, message).label(found.name.span, label));
                None
            }
        }
    }

    /// Finds the field of the request that gives a length. It is in the readable part, or before the array.
    fn length_field(
        &self,
        name: &Name,
        array: &syntax::Field,
        readable: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Count> {
        let entries = |part: &'a Option<syntax::Fields>| part.as_ref().map_or(&[][..], |part| &part.entries);
        let named = |field: &&syntax::Field| field.name.text == name.text;
        let before = match readable {
            true => &[],
            false => entries(&self.request.writable),
        };
        let before = before.split(|field| field.name.text == array.name.text).next().unwrap_or_default();
        let all = entries(&self.request.readable);
        let in_readable = all.iter().find(named).map(|field| (field, true));
        let in_writable = before.iter().find(named).map(|field| (field, false));
        let Some((found, readable)) = in_writable.or(in_readable) else {
            let known = before.iter().chain(all).map(|field| field.name.text.as_str());
            let near = crate::suggest::did_you_mean(&name.text, known.chain(self.scope.constants()));
            let error = Diagnostic::new(name.span, format!("unknown length `{}`{near}", name.text)).help(
                "a length is a number, a `const`, a field of the readable part, a field of the same part before the array, or \
                 `config` and a field of the configuration space: `[u8; config.size]`",
            );
            diagnostics.push_unknown(name, error);
            return None;
        };
        match (Scalar::named(&found.ty.element.text), &found.ty.len) {
            (Some(scalar), None) if found.conditions.is_empty() || same_conditions(found, array) => {
                Some(Count::Field { name: name.clone(), int: scalar.int, readable })
            }
            (Some(_), None) => {
                let message = format!("`{}` does not always exist when `{}` does", name.text, array.name.text);
                let label = format!("`{}` depends on a feature", name.text);
                diagnostics.push(
                    Diagnostic::new(name.span, message)
                        .label(found.name.span, label)
                        .help("write the same `if` after both"),
                );
                None
            }
            _ if types::is_unknown(&found.ty, self.scope) => None,
            _ => {
                let message = format!("the field `{}` cannot be a length", name.text);
                let label = format!("`{}` is not an integer", name.text);
                diagnostics.push(Diagnostic::new(name.span, message).label(found.name.span, label));
                None
            }
        }
    }

    /// Resolves the value of a field that always has the same one.
    fn value(
        &self,
        value: &FieldValue,
        readable: bool,
        element: &Element,
        count: &Count,
        diagnostics: &mut Diagnostics,
    ) -> Option<u64> {
        let span = value.span();
        let int = element.scalar().map_or(Int::U8, |scalar| scalar.int);
        let error = match (value, element, count) {
            _ if !readable => Diagnostic::new(span, "a field that the device writes cannot have a value")
                .help("only fields of the `readable` part can"),
            (FieldValue::Number(number), Element::Scalar(_), Count::One) if number.value <= int.max() => {
                return Some(number.value);
            }
            (FieldValue::Number(number), Element::Scalar(_), Count::Fixed(_)) if number.value == 0 => return Some(0),
            (FieldValue::Number(_), Element::Scalar(_), Count::Fixed(_)) => {
                Diagnostic::new(span, "an array can only have the value 0")
            }
            (FieldValue::Number(number), Element::Scalar(_), Count::One) => {
                let message = format!("the value {} does not fit into `{}`", number.value, int.name());
                Diagnostic::new(span, message)
            }
            (FieldValue::Named(name), Element::Value(ty), Count::One) if ty.kind == ValueKind::Enum => {
                match self.variant(&ty.name, name) {
                    Ok(value) => return Some(value),
                    Err(near) => {
                        let message = format!("`{}` has no value `{}`{near}", ty.name.text, name.text);
                        diagnostics.push_unknown(name, Diagnostic::new(span, message));
                        return None;
                    }
                }
            }
            (FieldValue::Named(name), Element::Scalar(_), Count::One) => match self.scope.constant(&name.text) {
                Some(constant) if constant.value.value <= int.max() => return Some(constant.value.value),
                _ => {
                    let error = Diagnostic::new(span, format!("unknown constant `{}`", name.text));
                    let help = "the value of an integer field is a number or a `const` that fits into it";
                    diagnostics.push_unknown(name, error.help(help));
                    return None;
                }
            },
            (FieldValue::Number(number), Element::Value(ty), Count::One) if ty.kind == ValueKind::Enum => {
                let message = format!("the value of an enum is a name, but `{}` is a number", number.value);
                Diagnostic::new(span, message).help(self.value_help(&ty.name, number.value))
            }
            (_, _, Count::One) => Diagnostic::new(span, "only integers and enums can have a value"),
            _ => Diagnostic::new(span, "an array cannot have this value")
                .help("an array of integers with a fixed length can have the value 0"),
        };
        diagnostics.push(error);
        None
    }

    /// Returns the help for a number as the value of an enum.
    fn value_help(&self, ty: &Name, number: u64) -> String {
        let Some(Member::Enum(values)) = self.scope.member(&ty.text) else { return String::new() };
        let numbered = values.variants.iter().zip(values::numbers(values));
        let numbered: Vec<(&str, u64)> =
            numbered.filter_map(|(variant, value)| Some((variant.name.text.as_str(), value?.value))).collect();
        let chosen = numbered.iter().find(|(_, value)| *value == number).or(numbered.first());
        let Some((first, _)) = chosen else { return "write the name of a value".into() };
        let listed = numbered.iter().take(LISTED).map(|(name, value)| format!("`{name}` ({value:#x})"));
        let more = (numbered.len() > LISTED).then(|| "…".to_owned());
        let all: Vec<String> = listed.chain(more).collect();
        format!("write the name of a value: `= {first}`; the values of `{}` are {}", ty.text, all.join(", "))
    }

    /// Returns the number of a value of an enum, or a suggestion.
    fn variant(&self, ty: &Name, name: &Name) -> Result<u64, String> {
        let Some(Member::Enum(values)) = self.scope.member(&ty.text) else { return Err(String::new()) };
        let numbers = values::numbers(values);
        let found = values.variants.iter().zip(numbers).find(|(variant, _)| variant.name.text == name.text);
        match found {
            Some((_, Some(number))) => Ok(number.value),
            // The number is unknown, because an entry before it is missing from the syntax tree.
            Some((variant, None)) if matches!(variant.value, VariantValue::Next) => Ok(0),
            _ => {
                let numbered = values.variants.iter().filter(|variant| !matches!(variant.value, VariantValue::Other));
                Err(crate::suggest::did_you_mean(&name.text, numbered.map(|variant| variant.name.text.as_str())))
            }
        }
    }
}

/// Returns whether two fields exist with the same features.
fn same_conditions(first: &syntax::Field, second: &syntax::Field) -> bool {
    let names = |field: &syntax::Field| field.conditions.iter().map(|name| name.text.clone()).collect::<Vec<_>>();
    names(first) == names(second)
}
