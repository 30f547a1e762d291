//! Checks the descriptions in the book's chapter on the language. They compile, except for the ones that show diagnostics;
//! those produce the printed messages.

use std::path::Path;

use aerostat_codegen::{Source, parse_text};

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
