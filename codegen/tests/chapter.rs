//! The book's chapter on the language, held against the compiler: its descriptions have no mistakes, but for those that are
//! there to show the messages, which are the ones printed below them.

use std::path::Path;

use aerostat_codegen::{Source, parse_text};

/// The fenced blocks of the chapter, each with what stands behind its opening fence.
fn blocks() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/spec-language.md");
    let chapter = std::fs::read_to_string(path).expect("the chapter");
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in chapter.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(info), false) => blocks.push((info.to_owned(), String::new())),
            (Some(_), true) => {}
            (None, true) => {
                let (_, text) = blocks.last_mut().expect("a block that was opened");
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
fn the_descriptions_of_the_chapter_have_no_mistakes() {
    let blocks = blocks();
    let descriptions: Vec<&str> =
        blocks.iter().filter(|(info, _)| info == "vspec").map(|(_, text)| text.as_str()).collect();
    assert!(descriptions.len() > 5, "the chapter shows each part of the language");
    for text in descriptions {
        assert_eq!(messages(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_mistakes_of_the_chapter_are_told_as_printed() {
    let blocks = blocks();
    let wrong: Vec<usize> = (0..blocks.len()).filter(|at| blocks[*at].0 == "vspec,mistakes").collect();
    assert!(!wrong.is_empty(), "the chapter shows the messages");
    for at in wrong {
        let (printed, found) = (&blocks[at + 1].1, messages(&blocks[at].1).join("\n\n") + "\n");
        assert_eq!(*printed, found, "found:\n{found}");
    }
}
