//! The tables in the book that come from `benches/counts.json`.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, ensure};
use xtask_common::workspace;

use super::kept::{Counts, FILE};

/// A part of a chapter between the lines `<!-- begin: name -->` and `<!-- end: name -->`.
struct Part {
    chapter: &'static str,
    name: &'static str,
    text: fn(&Counts) -> String,
}

const PARTS: [Part; 2] = [
    Part { chapter: "docs/src/porting.md", name: "stack", text: stack_and_code },
    Part { chapter: "docs/src/benchmarks.md", name: "limits", text: limits },
];

/// Writes the tables to the chapters.
pub(crate) fn write(counts: &Counts) -> anyhow::Result<()> {
    PARTS.iter().try_for_each(|part| {
        let (before, _, after) = part.split()?;
        fs::write(workspace::root().join(part.chapter), before + &(part.text)(counts) + &after)?;
        Ok(())
    })
}

/// Checks that the chapters have the tables of these numbers.
pub(crate) fn check(counts: &Counts) -> anyhow::Result<()> {
    PARTS.iter().try_for_each(|part| {
        let (_, found, _) = part.split()?;
        let chapter = part.chapter;
        ensure!(found == (part.text)(counts), "{chapter} does not show the numbers of {FILE}\nhelp: pass --bless");
        Ok(())
    })
}

impl Part {
    /// Divides the chapter into the text before the part, the part, and the text after it.
    fn split(&self) -> anyhow::Result<(String, String, String)> {
        let Self { chapter, name, .. } = self;
        let text = fs::read_to_string(workspace::root().join(chapter))?;
        let (begin, end) = (format!("<!-- begin: {name} -->\n"), format!("<!-- end: {name} -->"));
        let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
        let (before, (part, after)) = parts.with_context(|| format!("{chapter} lacks the lines around `{name}`"))?;
        Ok((before.to_owned() + &begin, part.to_owned(), end + after))
    }
}

/// Returns the tables of the stack that each call uses and of the code of the counted kernels.
fn stack_and_code(counts: &Counts) -> String {
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    let mut text = "\n| call | bytes of stack, release | bytes of stack, dev |\n|---|--:|--:|\n".to_owned();
    let stack = |profile: &str, call: &str| counts.numbers.get(&format!("bytes of stack/{profile}/{call}")).copied();
    for call in counts.numbers.keys().filter_map(|name| name.strip_prefix("bytes of stack/release/")) {
        if let (Some(release), Some(dev)) = (stack("release", call), stack("dev", call)) {
            let _ = writeln!(text, "| {call} | {release} | {dev} |");
        }
    }
    let limit = |profile: &str| number(counts.limit(&format!("bytes of stack/{profile}/")));
    let _ = writeln!(text, "| **limit** | **{}** | **{}** |", limit("release"), limit("dev"));
    text += "\n| kernel | bytes of the driver's code | limit | |\n|---|--:|--:|---|\n";
    for (name, &bytes) in &counts.numbers {
        if let Some(kernel) = name.strip_prefix("bytes of code/") {
            let (limit, verdict) = (number(counts.limit(name)), counts.verdict(name, bytes));
            let _ = writeln!(text, "| {kernel} | {bytes} | {limit} | {verdict} |");
        }
    }
    text + "\n"
}

/// Returns the table of the limits, with the largest number that each of them applies to.
fn limits(counts: &Counts) -> String {
    let mut text = "\n| name in `benches/counts.json` | largest number | limit | |\n|---|--:|--:|---|\n".to_owned();
    for (start, limit, largest) in counts.largest() {
        if let Some(largest) = largest {
            let more = if start.ends_with('/') { "…" } else { "" };
            let _ = writeln!(text, "| `{start}{more}` | {largest} | {limit} | {} |", counts.verdict(start, largest));
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapters_show_the_kept_numbers() {
        let counts = Counts::read().unwrap();
        check(&counts).unwrap();
        for part in PARTS {
            let (before, text, after) = part.split().unwrap();
            assert_eq!(before + &text + &after, fs::read_to_string(workspace::root().join(part.chapter)).unwrap());
        }
    }

    #[test]
    fn numbers_are_shown_with_their_limits() {
        let own = |numbers: &[(&str, f64)]| numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect();
        let counts = Counts {
            compiler: String::new(),
            limits: own(&[("bytes of code/x", 6.0), ("bytes of stack/dev/", 12.0), ("bytes of stack/release/", 5.0)]),
            numbers: own(&[
                ("bytes of code/x", 7.0),
                ("bytes of code/y", 8.0),
                ("bytes of stack/dev/probe", 9.0),
                ("bytes of stack/release/probe", 4.0),
            ]),
        };
        let tables = stack_and_code(&counts);
        for row in ["probe | 4 | 9", "**limit** | **5** | **12**", "x | 7 | 6 | missed", "y | 8 |  | "] {
            assert!(tables.contains(&format!("| {row} |\n")), "{row} is not in\n{tables}");
        }
        let limits = limits(&counts);
        for row in ["`bytes of code/x` | 7 | 6 | missed", "`bytes of stack/dev/…` | 9 | 12 | "] {
            assert!(limits.contains(&format!("| {row} |\n")), "{row} is not in\n{limits}");
        }
    }
}
