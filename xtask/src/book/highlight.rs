//! Compares the words that `docs/theme/vspec.js` highlights with the grammar in the chapter.

use std::{collections::BTreeSet, fs};

use xtask_common::workspace;

fn read(file: &str) -> String {
    fs::read_to_string(workspace::root().join(file)).unwrap()
}

#[test]
fn the_words_of_the_grammar_are_highlighted() {
    let chapter = read("docs/src/spec-language.md");
    let (_, grammar) = chapter.split_once("\n## Grammar\n").unwrap();
    let (_, grammar) = grammar.split_once("```text\n").unwrap();
    let (grammar, _) = grammar.split_once("```").unwrap();
    let is_word = |text: &&str| text.len() > 1 && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let words: BTreeSet<_> = grammar.split('"').skip(1).step_by(2).filter(is_word).collect();
    assert!(words.len() > 20, "{words:?}");
    let script = read("docs/theme/vspec.js");
    let highlighted: BTreeSet<_> = script
        .lines()
        .filter(|line| line.contains("keyword(/"))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_lowercase() && c != '_'))
        .collect();
    let missing: Vec<_> = words.difference(&highlighted).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
