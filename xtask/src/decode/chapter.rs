//! Runs the commands of the chapter.

use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, Parser};
use xtask_common::workspace;

use super::{DecodeArguments, input, output};

const CHAPTER: &str = "docs/src/spec-language.md";
const COMMAND: &str = "cargo xtask decode";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: DecodeArguments,
}

/// Runs a command with the files of the folder: `cat FILE`, `echo "TEXT" | cargo xtask decode …` or `cargo xtask decode …`.
/// `cat` writes the file with the text that the chapter shows.
fn run(command: &str, shown: &str, folder: &Path) -> String {
    if let Some(file) = command.strip_prefix("cat ") {
        fs::write(folder.join(file), shown).expect("a writable file");
        return shown.to_owned();
    }
    let (echo, decode) = command.split_once(" | ").unwrap_or(("", command));
    let words = decode.strip_prefix(COMMAND).unwrap_or_else(|| panic!("`{command}` is not known to this test"));
    let mut line = Line::try_parse_from(["decode"].into_iter().chain(words.split_whitespace())).expect(command);
    if let Some(file) = &mut line.arguments.input {
        *file = folder.join(&*file);
    }
    let file = line.arguments.input.clone();
    let result = output(&line.arguments, || match echo.strip_prefix("echo \"") {
        Some(text) => Ok(text.trim_end_matches('"').to_owned()),
        None => input(file.as_deref()),
    });
    result.unwrap_or_else(|error| panic!("`{command}`: {error:#}"))
}

#[test]
fn commands_of_the_chapter_print_what_it_shows() {
    let text = fs::read_to_string(workspace::root().join(CHAPTER)).expect("the chapter");
    let folder = tempfile::tempdir().expect("a folder");
    let mut count = 0;
    for block in text.split("```console\n").skip(1) {
        let (block, _) = block.split_once("\n```").expect("the end of the block");
        for part in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, shown) = part.split_once('\n').unwrap_or((part, ""));
            assert_eq!(run(command, shown, folder.path()).trim_end(), shown, "{command}");
            count += usize::from(command.contains(COMMAND));
        }
    }
    assert!(count >= 4, "the chapter has {count} commands");
}

#[test]
fn chapter_names_every_option() {
    let text = fs::read_to_string(workspace::root().join(CHAPTER)).expect("the chapter");
    let (_, section) = text.split_once("\n## Decoding\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("the next section");
    let command = Line::command();
    let options = command.get_arguments().filter_map(|option| option.get_long()).filter(|option| *option != "help");
    let missing: Vec<_> = options.filter(|option| !section.contains(&format!("--{option}"))).collect();
    assert!(missing.is_empty(), "the section does not name {missing:?}");
}
