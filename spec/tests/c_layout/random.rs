//! Random structures have the sizes and offsets that a C compiler gives them.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use aerostat_codegen::model::{Member, Struct};
use aerostat_codegen::{Source, parse_text};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::{Claim, cc};

/// A field: the choice of its type, and the length of an array.
type Field = (u8, Option<u8>);

/// A structure: whether it is packed, its fields, and the type of an array without a length at its end. A field with two choices is a
/// union.
type Structure = (bool, Vec<(Field, Option<Field>)>, Option<u8>);

/// The number of structures whose generated code is compiled.
const COMPILED: usize = 40;

/// A type that a field can have.
struct Known {
    text: String,
    c: String,
    size: u64,
    align: u64,
}

/// The same structures in each run, so that a failure stays.
#[test]
fn random_structures_match_c() {
    check("random", TestRunner::deterministic());
}

/// Other structures in each run. `AEROSTAT_LAYOUT_SEED` repeats those of an earlier one.
#[test]
fn structures_of_a_new_seed_match_c() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    let given = std::env::var("AEROSTAT_LAYOUT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u32 = given.unwrap_or_else(now);
    eprintln!("AEROSTAT_LAYOUT_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    check("random_seed", TestRunner::new_with_rng(ProptestConfig::default(), random));
}

// The generated code asserts sizes and offsets, so compiling it checks them.
aerostat_spec::virtio_spec!("tests/c_layout/random.vspec");

/// `BLESS=1` writes the file.
#[test]
fn compiled_structures_are_the_first_random_ones() {
    let (description, _) = describe(&structures(&mut TestRunner::deterministic())[..COMPILED]);
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c_layout/random.vspec");
    let text = format!("//! Random structures, see `random.rs`.\n\n{description}\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &text).expect("a writable file");
    }
    assert_eq!(std::fs::read_to_string(file).expect("a readable file"), text);
}

fn structures(runner: &mut TestRunner) -> Vec<Structure> {
    let field = || (any::<u8>(), proptest::option::weighted(0.3, 1_u8..5));
    let fields = proptest::collection::vec((field(), proptest::option::weighted(0.2, field())), 1..7);
    let tail = proptest::option::weighted(0.2, any::<u8>());
    let strategy = proptest::collection::vec((any::<bool>(), fields, tail), 150);
    strategy.new_tree(runner).expect("structures").current()
}

fn check(name: &str, mut runner: TestRunner) {
    let (description, c) = describe(&structures(&mut runner));
    let model = parse_text(&Source { path: "random", text: &description })
        .unwrap_or_else(|messages| panic!("{}\n{description}", messages.join("\n")));
    let claims: Vec<Claim> = model.modules[0].members.iter().flat_map(claims).collect();
    assert!(claims.len() > 500);
    let header = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}_structures.h"));
    std::fs::write(&header, c).expect("a writable folder for the header");
    let header = header.to_str().expect("a path in UTF-8").to_owned();
    cc::check(name, &["stdint.h", &header], &claims);
}

fn claims(member: &Member) -> Vec<Claim> {
    let Member::Struct(Struct { name, fields, size, .. }) = member else { return Vec::new() };
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
        scalar("byte_enum", "uint8_t", 1),
        scalar("word_enum", "uint32_t", 4),
        scalar("half_bits", "uint16_t", 2),
    ];
    let values = "enum byte_enum: u8 { first, second = 9 }\nenum word_enum: virtio32 { first = 1 << 20 }\n\
                  bits half_bits: le16 { low = 0, high = 4..12 }\n";
    let (mut description, mut c) = (format!("module random {{\n{values}"), String::new());
    for (number, (packed, fields, tail)) in structures.iter().enumerate() {
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
        let mut has_tail = false;
        if let Some(choice) = tail {
            let (text, declare, _, tail_align) = typed(&known, (*choice, None));
            if !packed {
                align = align.max(tail_align);
                pad(&mut description, &mut c, &mut size, align, fields.len());
            }
            let _ = writeln!(description, "tail: [{text}],");
            let _ = writeln!(c, "{};", declare("tail[]"));
            has_tail = true;
        } else if !packed {
            pad(&mut description, &mut c, &mut size, align, fields.len());
        }
        description.push_str("}\n");
        let _ = writeln!(c, "}}{attribute};");
        // Small structures only, or the sizes would grow without a limit, and none with a tail.
        if size < 200 && !has_tail {
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
