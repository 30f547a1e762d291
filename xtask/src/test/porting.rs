//! The table of stack and code in the book's chapter on porting, which comes from `benches/counts.json`.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context as _, ensure};
use xtask_common::workspace;

/// The chapter.
const CHAPTER: &str = "docs/src/porting.md";
/// The lines around the table.
const BEGIN: &str = "<!-- begin: stack -->\n";
const END: &str = "<!-- end: stack -->";

/// Writes the tables to the chapter.
pub(crate) fn write(numbers: &BTreeMap<String, f64>) -> anyhow::Result<()> {
    let path = workspace::root().join(CHAPTER);
    let (before, _, after) = split(&fs::read_to_string(&path)?)?;
    Ok(fs::write(path, before + &tables(numbers) + &after)?)
}

/// Checks that the chapter has the tables of these numbers.
pub(crate) fn check(numbers: &BTreeMap<String, f64>) -> anyhow::Result<()> {
    let (_, found, _) = split(&fs::read_to_string(workspace::root().join(CHAPTER))?)?;
    ensure!(found == tables(numbers), "{CHAPTER} does not show the numbers of benches/counts.json\nhelp: pass --bless");
    Ok(())
}

/// Divides the chapter into the text before the tables, the tables, and the text after them.
fn split(chapter: &str) -> anyhow::Result<(String, String, String)> {
    let parts = chapter.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (tables, after)) = parts.with_context(|| format!("{CHAPTER} lacks the lines around the table"))?;
    Ok((before.to_owned() + BEGIN, tables.to_owned(), END.to_owned() + after))
}

/// Returns the tables: the stack that each call uses, and the code of the counted kernels.
fn tables(numbers: &BTreeMap<String, f64>) -> String {
    let mut text = "\n| call | bytes of stack, release | bytes of stack, dev |\n|---|--:|--:|\n".to_owned();
    let stack = |profile: &str, call: &str| numbers.get(&format!("bytes of stack/{profile}/{call}"));
    for call in numbers.keys().filter_map(|name| name.strip_prefix("bytes of stack/release/")) {
        if let (Some(release), Some(dev)) = (stack("release", call), stack("dev", call)) {
            let _ = writeln!(text, "| {call} | {release} | {dev} |");
        }
    }
    text += "\n| kernel | bytes of the driver's code |\n|---|--:|\n";
    for (name, bytes) in numbers {
        if let Some(kernel) = name.strip_prefix("bytes of code/") {
            let _ = writeln!(text, "| {kernel} | {bytes} |");
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapter_has_a_place_for_the_tables() {
        let chapter = fs::read_to_string(workspace::root().join(CHAPTER)).unwrap();
        let (before, tables, after) = split(&chapter).unwrap();
        assert_eq!(before + &tables + &after, chapter);
    }

    #[test]
    fn calls_are_listed_with_both_profiles() {
        let numbers =
            [("bytes of stack/dev/probe", 9.0), ("bytes of stack/release/probe", 4.0), ("bytes of code/x", 7.0)];
        let tables = tables(&numbers.map(|(name, number)| (name.to_owned(), number)).into());
        assert!(tables.contains("| probe | 4 | 9 |\n") && tables.contains("| x | 7 |\n"), "{tables}");
    }
}
