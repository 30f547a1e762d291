//! Checks the descriptions in the book's chapter on the language. They compile, except for the ones that show diagnostics;
//! those produce the printed messages.

use std::path::Path;

use aerostat_codegen::{Source, parse_text};
use proc_macro2::{TokenStream, TokenTree};

/// The fenced code blocks of the chapter: the info string after the opening fence, and the content.
fn code_blocks() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/spec-language.md");
    let chapter = std::fs::read_to_string(path).expect("the chapter");
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in chapter.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => blocks.push((info.to_owned(), String::new())),
            (Some(_), true) => {}
            (None, true) => {
                let (_, text) = blocks.last_mut().expect("an open block");
                *text += &format!("{line}\n");
                continue;
            }
            (None, false) => continue,
        }
        inside = !inside;
    }
    blocks
}

fn messages(text: &str) -> Vec<String> {
    parse_text(&Source { path: "lamp.vspec", text }).err().unwrap_or_default()
}

#[test]
fn descriptions_have_no_errors() {
    let blocks = code_blocks();
    let descriptions: Vec<&str> =
        blocks.iter().filter(|(info, _)| info == "vspec").map(|(_, text)| text.as_str()).collect();
    assert!(descriptions.len() > 5, "the chapter shows each part of the language");
    for text in descriptions {
        assert_eq!(messages(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn printed_diagnostics_are_the_real_ones() {
    let blocks = code_blocks();
    let invalid: Vec<usize> = (0..blocks.len()).filter(|at| blocks[*at].0 == "vspec,errors").collect();
    assert!(!invalid.is_empty(), "the chapter shows diagnostics");
    for at in invalid {
        let (printed, actual) = (&blocks[at + 1].1, messages(&blocks[at].1).join("\n\n") + "\n");
        assert_eq!(*printed, actual, "actual:\n{actual}");
    }
}

/// The tokens of a description without documentation, C names and optional commas.
fn bare(text: &str) -> Vec<String> {
    let tokens: Vec<TokenTree> = text.parse::<TokenStream>().expect("tokens").into_iter().collect();
    let mut bare = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1);
        at += match (token, next) {
            (TokenTree::Punct(mark), Some(TokenTree::Punct(inner)))
                if mark.as_char() == '#' && inner.as_char() == '!' =>
            {
                3
            }
            (TokenTree::Punct(mark), _) if mark.as_char() == '#' => 2,
            (TokenTree::Ident(word), Some(TokenTree::Literal(_))) if word == "as" => 2,
            (TokenTree::Punct(mark), None) if mark.as_char() == ',' => 1,
            (TokenTree::Group(group), _) => {
                bare.push(format!("{:?}", group.delimiter()));
                bare.extend(self::bare(&group.stream().to_string()));
                bare.push("end".to_owned());
                1
            }
            (token, _) => {
                bare.push(token.to_string());
                1
            }
        };
    }
    bare
}

#[test]
fn device_that_is_shown_side_by_side_is_the_described_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec/i2c.vspec");
    let description = std::fs::read_to_string(path).expect("a readable description");
    let blocks = code_blocks();
    let shown = blocks.iter().find(|(_, text)| text.starts_with("device i2c = 34")).expect("the block");
    assert_eq!(bare(&shown.1), bare(&description));
}
