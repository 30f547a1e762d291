//! The advice of error messages: each hint is in a message of `ui/*.stderr`, and code in `ui/advice/*.rs` follows it.
//! The test `compile_fail` compiles that code.
//!
//! The code names its hints in lines `//! * case: hint`.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// How the hints of this workspace start. Notes of rustc start in other ways.
const STARTS: [&str; 11] = [
    "declare it",
    "every platform",
    "if it goes",
    "if the field depends",
    "implement ",
    "remove ",
    "reset the whole",
    "send it over",
    "the field is read-only",
    "write ",
    "`probe()`",
];
/// Hints that say what is wrong and not what to write.
const WITHOUT_CODE: [&str; 1] = ["the field is read-only"];

/// A hint, with the text of the code that follows it.
struct Advice {
    case: String,
    hint: String,
    code: String,
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files of a directory with this extension.
fn files(directory: &str, extension: &str) -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect();
    assert!(!files.is_empty());
    files
}

/// Returns the hints that code follows.
fn advice() -> Vec<Advice> {
    let mut advice = vec![];
    for file in files("tests/ui/advice", "rs") {
        let text = read(&file);
        let (header, code): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("//!"));
        let before = advice.len();
        for line in header {
            if let Some((case, hint)) = line.strip_prefix("//! * ").and_then(|line| line.split_once(": ")) {
                advice.push(Advice { case: case.to_owned(), hint: hint.to_owned(), code: code.join("\n") });
            }
        }
        assert!(advice.len() > before, "{} names no hint", file.display());
    }
    advice
}

#[test]
fn the_message_of_a_case_has_the_hint_that_the_code_follows() {
    for Advice { case, hint, .. } in advice() {
        let message = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/ui/{case}.stderr")));
        assert!(message.contains(&hint), "`{hint}` is not in the message of {case}:\n{message}");
    }
}

#[test]
fn the_code_has_what_the_hint_says_to_write() {
    for Advice { case, hint, code } in advice() {
        // The odd parts are between backticks.
        for part in hint.split('`').skip(1).step_by(2) {
            let part = part.trim_end_matches("…)");
            let is_removed = hint.starts_with(&format!("remove `{part}`"));
            assert_eq!(code.contains(part), !is_removed, "`{part}` of `{hint}` ({case}) in the code:\n{code}");
        }
    }
}

#[test]
fn code_follows_every_hint() {
    let followed: BTreeSet<String> = advice().into_iter().map(|advice| advice.hint).collect();
    for file in files("tests/ui", "stderr") {
        let message = read(&file);
        let notes = message.lines().filter_map(|line| line.split_once("= note: ").map(|(_, note)| note));
        for note in notes.filter(|note| STARTS.iter().any(|start| note.starts_with(start))) {
            let is_followed = followed.iter().any(|hint| note.contains(hint.as_str()));
            let has_no_code = WITHOUT_CODE.iter().any(|start| note.starts_with(start));
            assert!(is_followed || has_no_code, "no code follows the hint of {}: {note}", file.display());
        }
    }
}
