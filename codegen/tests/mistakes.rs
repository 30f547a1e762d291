//! Mistakes in descriptions: none hides another, and each form of another language gets a message that says what to write.

use std::collections::BTreeSet;
use std::path::Path;

use aerostat_codegen::{Source, parse_text};

/// A valid description.
const VALID: &str = include_str!("mistakes/valid.vspec");

/// A mistake: what it replaces in the valid description, with what, and the message.
struct Mistake {
    text: &'static str,
    with: &'static str,
    message: &'static str,
}

const fn mistake(text: &'static str, with: &'static str, message: &'static str) -> Mistake {
    Mistake { text, with, message }
}

/// Each is in another part of the description, so that any two of them are independent.
const MISTAKES: &[Mistake] = &[
    // Headers and keywords.
    mistake("lamp = 63", "lamp = sixty", "expected a number; a name is not supported here"),
    mistake("device fan", "devize fan", "unknown keyword `devize` at the top level; did you mean `device`?"),
    mistake("= 62", "62", "expected `=`"),
    mistake("module ring", "modul ring", "unknown keyword `modul` at the top level; did you mean `module`?"),
    mistake("struct step ", "struct step other ", "expected `{`"),
    mistake("struct range", "strut range", "unknown keyword `strut` in a device; did you mean `struct`?"),
    mistake("enum action: u8", "enum action", "missing type of `action`: write `enum action: le32`, for instance"),
    mistake(
        "writable { status",
        "writeable { status",
        "unknown keyword `writeable` in a request; did you mean `writable`?",
    ),
    mistake("request program", "request program at", "expected `{`"),
    // Delimiters and tokens.
    mistake("timer = 1 requires dimming,\n    }", "timer = 1 requires dimming,\n", "unclosed delimiter `{`"),
    mistake("padding: [u8; 3]", "padding: [u8; 3", "unclosed delimiter `[`"),
    mistake("addr: le64,\n    }", "addr: le64,\n", "unclosed delimiter `{`"),
    mistake("hot = 0,\n    }", "hot = 0,\n    ]", "mismatched closing delimiter `]`"),
    mistake("cold = 1", "cold = 0x", "invalid token"),
    // Syntax errors in entries.
    mistake("party = 2", "party 2", "expected `=`"),
    mistake("window = 1", "window = one", "expected a number; a name is not supported here"),
    mistake("zone: u8", "zone: [u8; 2 3]", "expected `]`"),
    mistake(
        "old = 4",
        "old = -4",
        "negative and inverted numbers are not supported: write the unsigned number with the same bits",
    ),
    mistake("speed: le16 read", "speed: le16 raed", "unknown access word `raed`; did you mean `read`?"),
    mistake("limit: u8 = 7;", "limit: u8 = 7", "expected `;` after a constant"),
    // Meaning.
    mistake("switch = 0", "switch = 70000", "queue index 70000 is out of range: the maximum is 65535"),
    mistake("1 if dimming", "1 if diming", "unknown feature `diming`; did you mean `dimming`?"),
    mistake("2 if timer", "2 if zonk", "unknown feature `zonk`"),
    mistake("pad: u8 read,", "", "`level` is misaligned: offset 0x1 is not a multiple of 2"),
    mistake("low: le16", "low: le61", "unknown type `le61`; did you mean `le16`?"),
    mistake("range: range,", "range: banana,", "unknown type `banana`"),
    mistake("gap: [u8; 3],", "", "the field `after` is misaligned: offset 0x1 is not a multiple of 4"),
    mistake("on = 1", "on = 300", "the value 300 of `on` does not fit into `u8`"),
    mistake("bright = 7", "bright = 9", "in `u8`, bit 9 is out of range: the maximum is 7"),
    mistake("config.names", "config.banana", "unknown field `banana` of the configuration space"),
    mistake("on commands", "on banana", "unknown queue `banana`"),
    mistake("by kind", "by banana", "unknown field `banana`"),
    mistake("kind = program", "kind = banana", "`kind` has no value `banana`"),
    mistake("; max_steps]", "; banana]", "unknown constant `banana`"),
    mistake("answer: u8 = 42", "answer: u8 = 1042", "the value 1042 of `answer` does not fit into `u8`"),
    // Words of other languages.
    mistake("flags: le32", "flags: __le32", "the type `__le32` is not supported"),
    mistake("next: le16,", "le16 next;", "a field is not written as in C: its name comes before its type"),
];

/// The messages for the valid description with these mistakes, with their places.
fn messages(mistakes: &[&Mistake]) -> BTreeSet<String> {
    let mut text = VALID.to_owned();
    for Mistake { text: old, with, .. } in mistakes {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replace(old, with);
    }
    let messages = parse_text(&Source { path: "mistakes", text: &text }).err().unwrap_or_default();
    let first_lines = |message: &String| message.lines().take(2).collect::<Vec<_>>().join("\n");
    messages.iter().map(first_lines).collect()
}

fn places(messages: &BTreeSet<String>) -> BTreeSet<String> {
    // A mistake can move another one in the same line.
    let without_column =
        |message: &String| message.rsplit_once(':').map_or(message.clone(), |(rest, _)| rest.to_owned());
    messages.iter().map(without_column).collect()
}

#[test]
fn valid_description_has_no_errors() {
    assert_eq!(messages(&[]), BTreeSet::new());
}

#[test]
fn each_mistake_has_exactly_one_message() {
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        let messages: Vec<String> = messages(&[mistake]).into_iter().collect();
        if messages.len() != 1 || messages[0].lines().next() != Some(mistake.message) {
            wrong.push(format!("{:?}: {messages:#?}", mistake.with));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two mistakes have the messages of both, and no others.
#[test]
fn no_mistake_hides_another() {
    let alone: Vec<BTreeSet<String>> = MISTAKES.iter().map(|mistake| places(&messages(&[mistake]))).collect();
    let mut wrong = Vec::new();
    for (at, first) in MISTAKES.iter().enumerate() {
        for (other, second) in MISTAKES.iter().enumerate().skip(at + 1) {
            let expected: BTreeSet<String> = &alone[at] | &alone[other];
            let found = places(&messages(&[first, second]));
            if found != expected {
                wrong.push(format!("{:?} and {:?}: {found:#?}", first.with, second.with));
            }
        }
    }
    assert!(wrong.is_empty(), "{} pairs:\n{}", wrong.len(), wrong.join("\n"));
}

/// All mistakes at once, each of them reported.
#[test]
fn all_mistakes_are_reported_at_once() {
    let found = messages(&MISTAKES.iter().collect::<Vec<_>>());
    for mistake in MISTAKES {
        assert!(found.iter().any(|message| message.lines().next() == Some(mistake.message)), "{}", mistake.message);
    }
}

/// Forms of C, of the specification's text and of other languages, where they stand, and parts of the only message for each.
const UNSUPPORTED: &[(&str, &str, &str)] = &[
    // Types.
    (
        "field",
        "s: struct { x: u8, y: le16 }",
        "a definition inside a field is not supported: define the `struct` beside",
    ),
    ("field", "s: struct inner { x: u8 }", "a definition inside a field is not supported: define the `struct` beside"),
    ("field", "s: packed struct { x: u8 }", "a definition inside a field is not supported: define the `struct` beside"),
    ("field", "s: [struct { x: u8 }; 2]", "a definition inside a field is not supported: define the `struct` beside"),
    ("field", "e: enum { a, b }", "a definition inside a field is not supported: define the `enum` beside"),
    ("field", "e: enum e: u8 { a, b }", "a definition inside a field is not supported: define the `enum` beside"),
    ("field", "b: bits { a = 0 }", "a definition inside a field is not supported: define the `bits` beside"),
    ("field", "u: union { s: struct { x: u8 }, y: u8 }", "a definition inside a field is not supported"),
    ("field", "u: union { s: enum { x }, y: u8 }", "a definition inside a field is not supported"),
    ("field", "s: struct other", "`struct` is not a part of the type | write `other`"),
    ("field", "a: *u8", "pointers are not supported | write `le64` for the address of memory"),
    ("field", "a: *mut u8", "pointers are not supported | write `le64`"),
    ("field", "a: &u8", "pointers are not supported | write `le64`"),
    ("field", "a: u8 *", "pointers are not supported | write `le64`"),
    ("field", "a: le24", "the type `le24` is not supported | write `[u8; 3]`"),
    ("field", "a: __le32", "the type `__le32` is not supported | write `le32`"),
    ("field", "a: __virtio16", "the type `__virtio16` is not supported | write `virtio16`"),
    ("field", "a: __be64", "the type `__be64` is not supported | write `be64`"),
    ("field", "a: uint32_t", "the type `uint32_t` is not supported | write `le32`"),
    ("field", "a: unsigned int", "the type `unsigned int` is not supported | write `le32`"),
    ("field", "a: unsigned char", "the type `unsigned char` is not supported | write `u8`"),
    ("field", "a: unsigned long long", "the type `unsigned long long` is not supported | write `le64`"),
    ("field", "a: short int", "the type `short int` is not supported | write `le16`"),
    ("field", "a: int", "the type `int` is not supported | write `le32`"),
    ("field", "a: char", "the type `char` is not supported | write `u8`"),
    ("field", "a: bool", "the type `bool` is not supported | write `u8`"),
    ("field", "a: float", "the type `float` is not supported | write `le32`"),
    ("field", "a: f64", "the type `f64` is not supported | write `le64`"),
    ("field", "a: i16", "the type `i16` is not supported | write `le16`"),
    ("field", "a: size_t", "the type `size_t` is not supported | the width of a field is fixed"),
    ("field", "a: u128", "the type `u128` is not supported | write an array of two `le64`"),
    ("field", "a: string", "the type `string` is not supported | write an array"),
    ("field", "a: Option<le32>", "types with parameters are not supported"),
    ("field", "a: ring::desc", "types of another device or module are not supported"),
    ("field", "a: u8 : 4", "bit fields in a structure are not supported: define `bits name: u8"),
    ("field", "a: 4", "expected a type, found a number: describe some of the bits"),
    ("field", "a: le32?", "optional fields are not supported here: write `if feature`"),
    // Arrays.
    ("field", "a: [[u8; 2]; 3]", "arrays of arrays are not supported: define a `struct`"),
    ("field", "a: u8[6]", "the length of an array comes after the type, in the same brackets | write `[u8; 6]`"),
    ("last", "a: u8[]", "the length of an array comes after the type, in the same brackets | write `[u8]`"),
    (
        "field",
        "a: [u8; hdr.len]",
        "a field inside a structure is not supported as a length: use a field of the `request`",
    ),
    ("field", "a: [u8; 2 * 3]", "a calculation is not supported as a length: write the result"),
    ("field", "a: [u8; sizeof(x)]", "a calculation is not supported as a length"),
    ("field", "a: [u8, 4]", "expected `;` before the length of the array"),
    // Fields as in C.
    ("field", "le32 a;", "a field is not written as in C: its name comes before its type | write `a: le32,`"),
    ("field", "__le16 a;", "its name comes before its type | write `a: le16,`"),
    ("field", "unsigned int a;", "its name comes before its type | write `a: le32,`"),
    ("field", "const volatile uint8_t a;", "its name comes before its type | write `a: u8,`"),
    ("field", "struct other a;", "its name comes before its type | write `a: other,`"),
    ("field", "other a;", "its name comes before its type | write `a: other,`"),
    ("field", "u8 a[6];", "its name comes before its type | write `a: [u8; 6],`"),
    ("last", "u8 a[];", "its name comes before its type | write `a: [u8],`"),
    ("field", "u8 a : 4;", "bit fields in a structure are not supported | define `bits name: u8 { a = 0..4 }`"),
    ("field", "u8 *a;", "pointers are not supported | write `a: le64,`"),
    (
        "field",
        "union { le32 a; u8 b[4]; }",
        "its name comes before its type | write `a: le32,` || its name comes before its type | write `b: [u8; 4],`",
    ),
    (
        "field",
        "struct geometry { le16 a; u8 b; } a;",
        "a definition inside a field is not supported: define the type beside",
    ),
    ("field", "struct { le16 a; } a;", "a definition inside a field is not supported: define the type beside"),
    ("field", "enum { A, B } a;", "a definition inside a field is not supported: define the type beside"),
    ("field", "union { a: le32, b: u8 } u;", "the name of a union comes before it | write `u: union { … },`"),
    ("field", "flags: u8 { a = 1 }", "a definition inside a field is not supported: define an `enum` or `bits`"),
    // Words in other device descriptions.
    ("item", "registers r { a: u8 ro }", "unknown access word `ro` | write `read`"),
    ("item", "registers r { a: u8 rw }", "unknown access word `rw` | write `read write`"),
    ("item", "request r { out { a: u8 } }", "unknown keyword `out` in a request; did you mean `readable`?"),
    ("item", "request r { in { a: u8 } }", "unknown keyword `in` in a request; did you mean `writable`?"),
    ("item", "request r on a, b { readable { a: u8 } }", "unknown queue `a` || several queues are separated by `or`"),
    // Items.
    (
        "item",
        "union u { a: le32, b: [u8; 4] }",
        "a union is not supported as an item | write it as the type of a field",
    ),
    ("item", "enum e: i32 { a }", "the type `i32` is not supported | write `le32`"),
    ("item", "enum e { a }", "missing type of `e`: write `enum e: le32`"),
    ("item", "bits b { a = 0 }", "missing type of `b`: write `bits b: le32`"),
    ("item", "const c = 7;", "missing type of `c`: write `const c: le32 = …`"),
    ("item", "const c: int = 7;", "the type `int` is not supported | write `le32`"),
    ("item", "const c: float = 1.5;", "numbers with a decimal point are not supported: write an integer"),
    ("item", "struct virtio_x y;", "a declaration is not supported: write the fields of the structure in braces"),
    ("item", "struct virtio_x;", "a declaration is not supported: write the fields of the structure in braces"),
    ("item", "struct s { a: u8 };", "a semicolon is not allowed after an item in braces | remove it"),
    ("item", "le32 flags;", "a field is not allowed outside of a list of fields | write it in `config"),
    ("item", "typedef le32 x;", "`typedef` is not supported | write the type itself"),
    ("item", "type x = le32;", "`type` is not supported | write the type itself"),
    ("item", "include \"other.vspec\";", "`include` is not supported | describe the types again"),
    ("item", "use other::x;", "`use` is not supported | describe the types again"),
    ("item", "static x: u8 = 4;", "`static` is not supported | a description has no code"),
    ("item", "bitfield f { a = 0 }", "`bitfield` is not supported | write `bits name: le32"),
    ("item", "command c { readable { } }", "`command` is not supported | write `request name"),
    ("item", "packed s { a: u8 }", "expected `struct` after `packed`"),
    ("item", "#define X 1", "`#define` is not supported | write `const name: le32 = 1;`"),
    ("item", "#include <stdint.h>", "`#include` is not supported | describe the types again"),
    ("item", "#ifdef X", "`#ifdef` is not supported | `if feature` after a field"),
    ("field", "#endif", "`#endif` is not supported | `if feature` after a field"),
    (
        "item",
        "#[repr(C)] struct s { a: u8 }",
        "attributes are not allowed in a description; only `///` documentation is",
    ),
    // Numbers.
    ("value", "a = -1", "negative and inverted numbers are not supported: write the unsigned number"),
    ("value", "a = ~0", "negative and inverted numbers are not supported: write the unsigned number"),
    ("value", "a = 'x'", "characters are not supported as numbers: write the code"),
    ("value", "a = BIT(3)", "macros are not supported as numbers: write `1 << 4` for `BIT(4)`"),
    ("value", "a = (1 << 3)", "parentheses are not supported in numbers: write the result"),
    ("value", "a = 1 + 2", "a calculation is not supported as a number | write the result"),
    ("value", "a = 1 | 2", "a calculation is not supported as a number | write the result"),
    ("value", "a = 0x10UL", "type suffixes are not allowed on numbers"),
    ("bit", "a = 0..=3", "an inclusive range is not supported: write `0..4`"),
    ("bit", "a : 4", "the width of a part is not supported: write its bits as a range"),
];

#[test]
fn unsupported_forms_say_what_to_write() {
    let mut wrong = Vec::new();
    for (place, form, expected) in UNSUPPORTED {
        let other = "struct other { x: u8 }";
        let text = match *place {
            "field" => format!("module lamp {{ {other} packed struct all {{ before: u8,\n{form}\n, after: u8 }} }}"),
            "last" => format!("module lamp {{ {other} packed struct all {{ before: u8,\n{form}\n}} }}"),
            "item" => format!("module lamp {{ {other}\n{form}\n }}"),
            "value" => format!("module lamp {{ {other} enum all: le32 {{\n{form}\n, after = 100 }} }}"),
            _ => format!("module lamp {{ {other} bits all: le32 {{\n{form}\n, after = 30 }} }}"),
        };
        let text = text.replace(";\n,", ";\n").replace("#endif\n,", "#endif\n");
        let messages = parse_text(&Source { path: "lamp", text: &text }).err().unwrap_or_default();
        let expected: Vec<&str> = expected.split(" || ").collect();
        let matches = |(message, expected): (&String, &&str)| match expected.split_once(" | ") {
            Some((first, help)) => message.contains(first) && message.contains(&format!("= help: {help}")),
            None => message.contains(*expected),
        };
        let are_right = messages.len() == expected.len() && messages.iter().zip(&expected).all(matches);
        if !are_right {
            wrong.push(format!("{form}\n{}\n", messages.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), UNSUPPORTED.len(), wrong.join("\n"));
}

/// A delimiter that is missing somewhere in the description of a device causes a message, and few others.
#[test]
fn missing_delimiters_have_few_messages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec");
    let mut tried = 0;
    for name in ["i2c.vspec", "input.vspec", "balloon.vspec", "gpio.vspec"] {
        let text = std::fs::read_to_string(folder.join(name)).expect("a readable description");
        for (at, _) in text.char_indices().filter(|(_, character)| "{}[]".contains(*character)) {
            let line = text[..at].rsplit('\n').next().unwrap_or_default();
            if line.contains("//") {
                continue;
            }
            let changed = format!("{}{}", &text[..at], &text[at + 1..]);
            let messages = parse_text(&Source { path: name, text: &changed }).err().unwrap_or_default();
            assert!((1..=3).contains(&messages.len()), "{line}\n{}", messages.join("\n"));
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}
