//! Claims about C, from a description.

use std::collections::HashMap;
use std::path::Path;

use aerostat_codegen::model::{Bits, Condition, Count, Device, Kind, Member, Model, Request, RequestField, Struct};
use aerostat_codegen::{CNames, Source, parse_text};

use super::{Described, Side};

/// Returns whether a C expression has the name as a word. `*` in it stands for any characters of a word. A name with parentheses is the
/// whole expression.
pub(super) fn mentions(expression: &str, name: &str) -> bool {
    if name.contains('(') {
        return expression == name;
    }
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    expression.split(|character| !is_word(character)).any(|word| matches_pattern(word, name))
}

fn matches_pattern(word: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => word == pattern,
        Some((start, rest)) => word.strip_prefix(start).is_some_and(|word| {
            (0..=word.len()).any(|at| word.get(at..).is_some_and(|word| matches_pattern(word, rest)))
        }),
    }
}

/// Parses a description of this crate.
pub(super) fn parse(file: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vspec/{file}.vspec"));
    let text = std::fs::read_to_string(path).expect("a readable description");
    parse_text(&Source { path: file, text: &text }).expect("a valid description")
}

/// Returns the names in C of everything except fields of structures, requests and configuration spaces.
pub(super) fn c_names(model: &Model) -> Vec<String> {
    let mut names: Vec<&CNames> = Vec::new();
    let mut features = Vec::new();
    for module in &model.modules {
        if let Kind::Device(device) = &module.kind {
            features.extend(device.features.iter().map(|feature| feature.c_name.clone()));
            names.extend(device.features.iter().map(|feature| &feature.alias));
            names.extend(device.queues.iter().map(|queue| &queue.alias));
            names.extend(device.shared_memory.iter().map(|region| &region.alias));
            names.push(&device.config.alias);
        }
        for member in &module.members {
            match member {
                Member::Struct(structure) => names.push(&structure.alias),
                Member::Request(request) => {
                    names.extend([&request.alias, &request.readable_alias, &request.writable_alias]);
                }
                Member::Bits(bits) => {
                    names.push(&bits.alias);
                    names.extend(bits.fields.iter().map(|field| &field.alias));
                }
                Member::Enum(values) => {
                    names.push(&values.alias);
                    names.extend(values.variants.iter().map(|variant| &variant.alias));
                }
                Member::Const(constant) => names.push(&constant.alias),
                Member::Registers(registers) => names.push(&registers.alias),
            }
        }
    }
    names.into_iter().flat_map(CNames::iter).map(str::to_owned).chain(features).collect()
}

/// Returns all claims, each once, in the order of the description.
pub(super) fn all_claims(described: &Described) -> Vec<(String, u64)> {
    let mut claims = Vec::new();
    for module in parse(described.file).modules {
        if let Kind::Device(device) = &module.kind {
            claims.extend(device_claims(described, device));
        }
        for member in &module.members {
            claims.extend(member_claims(described, member));
        }
    }
    let mut seen: HashMap<String, u64> = HashMap::new();
    claims.retain(|(expression, value)| match seen.insert(expression.clone(), *value) {
        // Parts with the same C name have the same layout.
        Some(other) => {
            let is_absent = described.absent.iter().any(|name| mentions(expression, name));
            assert!(is_absent || other == *value, "{}: {expression} is {other} and {value}", described.file);
            false
        }
        None => true,
    });
    claims
}

fn device_claims(described: &Described, device: &Device) -> Vec<(String, u64)> {
    let mut claims: Vec<(String, u64)> = Vec::new();
    if !described.id.is_empty() {
        claims.push((described.id.to_owned(), device.id.into()));
    }
    for feature in &device.features {
        claims.push((feature.c_name.clone(), feature.bit.into()));
        claims.extend(named(&feature.alias, feature.bit.into()));
    }
    for config in device.config.alias.iter() {
        for field in device.config.fields.iter().filter(|field| !is_padding(&field.name.text)) {
            for name in field_names(&field.alias, &field.name.text) {
                claims.extend(field_claims(config, name, field.offset, field.ty.size()));
            }
        }
        claims.push((format!("sizeof(struct {config})"), device.config.len));
    }
    claims.extend(device.queues.iter().flat_map(|queue| named(&queue.alias, queue.index.into())));
    claims.extend(device.shared_memory.iter().flat_map(|region| named(&region.alias, region.id.into())));
    claims
}

fn named(names: &CNames, value: u64) -> impl Iterator<Item = (String, u64)> {
    names.iter().map(move |name| (name.to_owned(), value))
}

/// Returns the names of a field in C.
fn field_names<'a>(names: &'a CNames, name: &'a str) -> impl Iterator<Item = &'a str> {
    names.iter().chain(names.first().is_none().then_some(name))
}

fn field_claims(structure: &str, name: &str, offset: u64, size: u64) -> [(String, u64); 2] {
    let size = (format!("sizeof(((struct {structure} *)0)->{name})"), size);
    [(format!("offsetof(struct {structure}, {name})"), offset), size]
}

fn member_claims(described: &Described, member: &Member) -> Vec<(String, u64)> {
    match member {
        Member::Struct(structure) => struct_claims(structure),
        Member::Request(request) => request_claims(described, request),
        Member::Bits(bits) => bits_claims(described, bits),
        Member::Enum(values) => {
            values.variants.iter().flat_map(|variant| named(&variant.alias, variant.value)).collect()
        }
        Member::Const(constant) => named(&constant.alias, constant.value).collect(),
        Member::Registers(_) => Vec::new(),
    }
}

fn struct_claims(structure: &Struct) -> Vec<(String, u64)> {
    let mut claims = Vec::new();
    for c in structure.alias.iter() {
        claims.push((format!("sizeof(struct {c})"), structure.size));
        for field in structure.fields.iter().filter(|field| !is_padding(&field.name.text)) {
            for name in field_names(&field.alias, &field.name.text) {
                claims.extend(field_claims(c, name, field.offset, field.ty.size()));
            }
        }
    }
    claims
}

/// The readable part (or the only part) of a request with a C name, the parts with C names, and those that the list of the device names.
fn request_claims(described: &Described, request: &Request) -> Vec<(String, u64)> {
    let mut claims = Vec::new();
    let first = if request.readable.is_empty() { &request.writable } else { &request.readable };
    for c in request.alias.iter() {
        claims.extend(part_claims(described, first, c, 0, &[]).1);
    }
    for (fields, alias) in [(&request.readable, &request.readable_alias), (&request.writable, &request.writable_alias)]
    {
        for c in alias.iter() {
            claims.extend(part_claims(described, fields, c, 0, &[]).1);
        }
    }
    for part in described.parts.iter().filter(|part| part.request == request.name.text) {
        let (fields, start) = match part.side {
            Side::Readable => (&request.readable, 0),
            Side::Behind => (&request.writable, part_claims(described, &request.readable, part.c, 0, part.features).0),
        };
        claims.extend(part_claims(described, fields, part.c, start, part.features).1);
    }
    claims
}

/// The fields before the first one of variable length, and the offset of their end.
fn part_claims(
    described: &Described,
    fields: &[RequestField],
    c: &str,
    start: u64,
    features: &[&str],
) -> (u64, Vec<(String, u64)>) {
    let (mut offset, mut claims) = (start, Vec::new());
    let exists = |conditions: &[Condition]| {
        conditions.is_empty() || conditions.iter().any(|condition| features.contains(&&*condition.name.text))
    };
    for field in fields.iter().filter(|field| exists(&field.conditions)) {
        let count = match &field.count {
            Count::One => Some(1),
            Count::Fixed(count) => Some(u64::from(*count)),
            Count::Config { name, .. } => {
                described.lengths.iter().find(|(length, _)| *length == name.text).map(|(_, length)| *length)
            }
            Count::Field { .. } | Count::Open => None,
        };
        let Some(count) = count else { break };
        let size = field.element.size() * count;
        if !is_padding(&field.name.text) {
            for name in field_names(&field.alias, &field.name.text) {
                // A structure that stands for several fields of C has the name of the first one.
                let is_flattened = field.alias.first().is_some_and(|name| name.contains('.')) && is_structure(field);
                let claims_of_field = field_claims(c, name, offset, size);
                // `sizeof` does not exist for an array without a length in C.
                claims.extend(claims_of_field.into_iter().take(if is_flattened || size == 0 { 1 } else { 2 }));
            }
        }
        offset += size;
    }
    (offset, claims)
}

fn is_structure(field: &RequestField) -> bool {
    field.element.scalar().is_none()
}

/// Flags are masks or bit numbers in C. A part of several bits has no comparable name.
fn bits_claims(described: &Described, bits: &Bits) -> Vec<(String, u64)> {
    let flags = bits.fields.iter().filter(|field| field.width.is_none());
    flags
        .flat_map(|field| {
            let is_number = |name: &str| described.bit_numbers.iter().any(|number| mentions(name, number));
            field
                .alias
                .iter()
                .map(move |name| (name.to_owned(), if is_number(name) { field.low.into() } else { 1 << field.low }))
        })
        .collect()
}

fn is_padding(name: &str) -> bool {
    name.starts_with("reserved") || name.starts_with("padding")
}
