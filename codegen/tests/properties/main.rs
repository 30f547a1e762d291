//! Changed descriptions never make the compiler panic, and what it accepts is Rust. Random valid descriptions are accepted.

mod valid;

use std::path::Path;

use aerostat_codegen::{Source, Spans, Target, emit, parse_text};
use aerostat_test_support::expected::files;
use proptest::prelude::*;
use quote::quote;

/// Words that have a meaning somewhere in the language.
const WORDS: [&str; 48] = [
    "device",
    "module",
    "features",
    "reserved",
    "queues",
    "config",
    "shared_memory",
    "registers",
    "packed",
    "struct",
    "enum",
    "bits",
    "const",
    "request",
    "union",
    "readable",
    "writable",
    "by",
    "on",
    "as",
    "if",
    "or",
    "requires",
    "from",
    "count",
    "read",
    "write",
    "setup",
    "u8",
    "le16",
    "virtio32",
    "be64",
    "usize",
    "self",
    "type",
    "config.a",
    "2..",
    "2n + 1",
    "1 << 4",
    "0",
    "18446744073709551615",
    "= _",
    "{ }",
    "[u8; 4]",
    "[u8]",
    "@ 8",
    "+",
    "\"NAME\"",
];

/// The descriptions of the workspace and of the snapshots, split into words.
fn descriptions() -> Vec<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = files(&folder.join("tests/snapshots"), "vspec");
    all.extend(files(&folder.join("../spec/vspec"), "vspec"));
    let texts = all.iter().map(|path| std::fs::read_to_string(path).expect("a readable description"));
    texts.map(|text| words(&text)).collect()
}

/// Splits a text into names, numbers and single characters, without comments.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines().map(|line| line.split("//").next().unwrap_or("")) {
        let mut was_word = false;
        for character in line.chars() {
            let is_word = character.is_alphanumeric() || character == '_' || character == '"';
            match words.last_mut() {
                Some(last) if is_word && was_word => last.push(character),
                _ => words.push(character.into()),
            }
            was_word = is_word;
        }
        words.push("\n".into());
    }
    words
}

/// A change of a list of words: at a position, remove some and insert others.
type Change = (prop::sample::Index, usize, Vec<prop::sample::Index>);

fn compile(text: &str) {
    if let Ok(model) = parse_text(&Source { path: "changed", text }) {
        let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
        let tokens = emit(&model, &target);
        syn::parse2::<syn::File>(tokens).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn changed_descriptions_do_not_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..4, prop::collection::vec(any::<prop::sample::Index>(), 0..3)),
            1..5,
        ),
    ) {
        let all = descriptions();
        let mut text = which.get(&all).clone();
        let changes: Vec<Change> = changes;
        for (at, remove, insert) in changes {
            let at = at.index(text.len());
            let end = (at + remove).min(text.len());
            let insert = insert.into_iter().map(|word| format!(" {} ", word.get(&WORDS)));
            text.splice(at..end, insert);
        }
        compile(&text.concat());
    }

    #[test]
    fn random_words_do_not_panic(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60)) {
        compile(&words.join(" "));
        compile(&format!("device lamp = 63 {{ {} }}", words.join(" ")));
    }
}
