//! Random structures have the sizes and offsets that a C compiler gives them.

use std::fmt::Write as _;

use aerostat_codegen::model::{Member, Struct};
use aerostat_codegen::{Source, parse_text};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::{Claim, cc};

/// A field: the choice of its type, and the length of an array.
type Field = (u8, Option<u8>);

/// A structure: whether it is packed, and its fields. A field with two choices is a union.
type Structure = (bool, Vec<(Field, Option<Field>)>);

/// A type that a field can have.
struct Known {
    text: String,
    c: String,
    size: u64,
    align: u64,
}

#[test]
fn random_structures_match_c() {
    let field = || (any::<u8>(), proptest::option::weighted(0.3, 1_u8..5));
    let fields = proptest::collection::vec((field(), proptest::option::weighted(0.2, field())), 1..7);
    let strategy = proptest::collection::vec((any::<bool>(), fields), 150);
    // The same structures in each run, so that a failure can be repeated.
    let structures = strategy.new_tree(&mut TestRunner::deterministic()).expect("structures").current();

    let (description, c) = describe(&structures);
    let model = parse_text(&Source { path: "random", text: &description })
        .unwrap_or_else(|messages| panic!("{}\n{description}", messages.join("\n")));
    let claims: Vec<Claim> = model.modules[0].members.iter().flat_map(claims).collect();
    assert!(claims.len() > 500);
    let header = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("random_structures.h");
    std::fs::write(&header, c).expect("a writable folder for the header");
    let header = header.to_str().expect("a path in UTF-8").to_owned();
    cc::check("random", &["stdint.h", &header], &claims);
}

fn claims(member: &Member) -> Vec<Claim> {
    let Member::Struct(Struct { name, fields, size, .. }) = member else { panic!("only structures") };
    let leak = |text: String| -> &'static str { text.leak() };
    let offsets = fields.iter().flat_map(|field| {
        let path = format!("struct {}, {}", name.text, field.name.text);
        let size = format!("sizeof(((struct {} *)0)->{})", name.text, field.name.text);
        [(leak(format!("offsetof({path})")), field.offset), (leak(size), field.ty.size())]
    });
    [(leak(format!("sizeof(struct {})", name.text)), *size)].into_iter().chain(offsets).collect()
}

/// Writes the structures as a description and in C. A structure can contain those before it.
fn describe(structures: &[Structure]) -> (String, String) {
    let scalar = |text: &str, c: &str, size| Known { text: text.into(), c: c.into(), size, align: size };
    let mut known = vec![
        scalar("u8", "uint8_t", 1),
        scalar("le16", "uint16_t", 2),
        scalar("virtio32", "uint32_t", 4),
        scalar("be64", "uint64_t", 8),
    ];
    let (mut description, mut c) = (String::from("module random {\n"), String::new());
    for (number, (packed, fields)) in structures.iter().enumerate() {
        let (word, attribute) = if *packed { ("packed ", " __attribute__((packed))") } else { ("", "") };
        let _ = writeln!(description, "{word}struct s{number} {{");
        let _ = writeln!(c, "struct s{number} {{");
        let (mut size, mut align) = (0_u64, 1);
        for (at, (field, other)) in fields.iter().enumerate() {
            let [first, second] = [Some(field), other.as_ref()].map(|field| field.map(|field| typed(&known, *field)));
            let parts: Vec<_> = [first, second].into_iter().flatten().collect();
            let field_align = parts.iter().map(|(_, _, _, align)| *align).max().unwrap_or(1);
            let largest = parts.iter().map(|(_, _, size, _)| *size).max().unwrap_or(0);
            if !packed {
                pad(&mut description, &mut c, &mut size, field_align, at);
                align = align.max(field_align);
            }
            match &parts[..] {
                [(text, declare, ..)] => {
                    let _ = writeln!(description, "f{at}: {text},");
                    let _ = writeln!(c, "{};", declare(&format!("f{at}")));
                    size += largest;
                }
                _ => {
                    let entry = |(index, part): (usize, &Part)| format!("e{index}: {}", part.0);
                    let entries: Vec<String> = parts.iter().enumerate().map(entry).collect();
                    let _ = writeln!(description, "f{at}: union {{ {} }},", entries.join(", "));
                    let entry = |(index, part): (usize, &Part)| format!("{};", (part.1)(&format!("e{index}")));
                    let entries: Vec<String> = parts.iter().enumerate().map(entry).collect();
                    let _ = writeln!(c, "union {{ {} }} f{at};", entries.join(" "));
                    size += largest.next_multiple_of(field_align);
                }
            }
        }
        if !packed {
            pad(&mut description, &mut c, &mut size, align, fields.len());
        }
        description.push_str("}\n");
        let _ = writeln!(c, "}}{attribute};");
        // Small structures only, or the sizes would grow without a limit.
        if size < 200 {
            let align = if *packed { 1 } else { align };
            known.push(Known { text: format!("s{number}"), c: format!("struct s{number}"), size, align });
        }
    }
    description.push('}');
    (description, c)
}

/// The type in a description, its declaration in C, its size and its alignment.
type Part = (String, Box<dyn Fn(&str) -> String>, u64, u64);

fn typed(known: &[Known], (choice, len): Field) -> Part {
    let Known { text, c, size, align } = &known[usize::from(choice) % known.len()];
    let c = c.clone();
    match len {
        Some(len) => {
            let declare = move |name: &str| format!("{c} {name}[{len}]");
            (format!("[{text}; {len}]"), Box::new(declare), size * u64::from(len), *align)
        }
        None => (text.clone(), Box::new(move |name: &str| format!("{c} {name}")), *size, *align),
    }
}

/// Adds the padding that C would insert.
fn pad(description: &mut String, c: &mut String, size: &mut u64, align: u64, at: usize) {
    let missing = size.next_multiple_of(align) - *size;
    if missing > 0 {
        let _ = writeln!(description, "padding{at}: [u8; {missing}],");
        let _ = writeln!(c, "uint8_t padding{at}[{missing}];");
        *size += missing;
    }
}
