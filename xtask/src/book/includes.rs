//! Checks the `{{#include}}` lines of the chapters. mdBook leaves out an anchor that does not exist without a message.

use std::{fs, path::Path};

use anyhow::Context as _;

/// Returns a sentence for each include in the chapters of `folder` whose file or anchor does not exist.
pub(super) fn problems(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let chapter = entry?.path();
        if chapter.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&chapter)?;
            problems.extend(of_chapter(&text, folder).map(|problem| format!("{}:{problem}", chapter.display())));
        }
    }
    problems.sort();
    Ok(problems)
}

/// Returns the problems of a chapter in `folder`, each with its line.
fn of_chapter(text: &str, folder: &Path) -> impl Iterator<Item = String> {
    text.lines().enumerate().flat_map(move |(number, line)| {
        includes(line).filter_map(move |target| Some(format!("{}: {}", number + 1, problem(target, folder)?)))
    })
}

/// Returns the targets of the includes in a line: `file.rs` or `file.rs:anchor`.
fn includes(line: &str) -> impl Iterator<Item = &str> {
    line.split("{{#").skip(1).filter_map(|text| {
        let (command, rest) = text.split_once(char::is_whitespace)?;
        let (target, _) = rest.split_once("}}")?;
        command.ends_with("include").then_some(target.trim())
    })
}

fn problem(target: &str, folder: &Path) -> Option<String> {
    let (file, anchor) = target.split_once(':').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        return Some(format!("the included file {file} cannot be read"));
    };
    let anchor = anchor?;
    let marked = |keyword: &str| {
        let of_line = |line: &str| Some(line.split_once(keyword)?.1.trim() == anchor);
        text.lines().any(|line| of_line(line) == Some(true))
    };
    (!marked("ANCHOR:") || !marked("ANCHOR_END:")).then(|| format!("{file} has no anchor `{anchor}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_anchors_are_looked_up() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("code.rs"), "// ANCHOR: part\nx\n// ANCHOR_END: part\n// ANCHOR: open\n").unwrap();
        let text = "{{#include code.rs}}\n{{#include code.rs:part}} {{#include none.rs:part}}\n\n\
                    {{#rustdoc_include code.rs:other}}\n{{#include code.rs:open}}\n{{#title x}}\n";
        let problems: Vec<_> = of_chapter(text, folder.path()).collect();
        let expected = [
            "2: the included file none.rs cannot be read",
            "4: code.rs has no anchor `other`",
            "5: code.rs has no anchor `open`",
        ];
        assert_eq!(problems, expected);
    }
}
