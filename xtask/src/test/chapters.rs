//! The tables in the book that the steps write: those that come from `benches/counts.json`, and others.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, ensure};
use xtask_common::workspace;

use super::{
    kept::{Counts, FILE},
    parts,
};

/// A part of a chapter between the lines `<!-- begin: name -->` and `<!-- end: name -->`.
pub(super) struct Part {
    pub(super) chapter: &'static str,
    pub(super) name: &'static str,
}

/// The parts with the numbers of `benches/counts.json`.
const PARTS: [(Part, fn(&Counts) -> String); 4] = [
    (Part { chapter: "docs/src/porting.md", name: "figures" }, figures),
    (Part { chapter: "docs/src/porting.md", name: "stack" }, stack),
    (Part { chapter: "docs/src/benchmarks.md", name: "limits" }, limits),
    (Part { chapter: "docs/src/benchmarks.md", name: "parts" }, |counts| parts::table(&counts.numbers)),
];

/// Writes the tables to the chapters.
pub(crate) fn write(counts: &Counts) -> anyhow::Result<()> {
    PARTS.iter().try_for_each(|(part, text)| part.write(&text(counts)))
}

/// Checks that the chapters have the tables of these numbers.
pub(crate) fn check(counts: &Counts) -> anyhow::Result<()> {
    PARTS.iter().try_for_each(|(part, text)| part.check(&text(counts), FILE))
}

impl Part {
    /// Replaces the text of the part.
    pub(super) fn write(&self, text: &str) -> anyhow::Result<()> {
        let (before, _, after) = self.split()?;
        fs::write(workspace::root().join(self.chapter), before + text + &after)?;
        Ok(())
    }

    /// Checks that the part has this text, whose numbers come from `source`.
    pub(super) fn check(&self, text: &str, source: &str) -> anyhow::Result<()> {
        let (_, found, _) = self.split()?;
        ensure!(found == text, "{} does not show the numbers of {source}\nhelp: pass --bless", self.chapter);
        Ok(())
    }

    /// Divides the chapter into the text before the part, the part, and the text after it.
    fn split(&self) -> anyhow::Result<(String, String, String)> {
        let Self { chapter, name } = self;
        let text = fs::read_to_string(workspace::root().join(chapter))?;
        let (begin, end) = (format!("<!-- begin: {name} -->\n"), format!("<!-- end: {name} -->"));
        let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
        let (before, (part, after)) = parts.with_context(|| format!("{chapter} lacks the lines around `{name}`"))?;
        Ok((before.to_owned() + &begin, part.to_owned(), end + after))
    }
}

/// The columns of the table of figures: a bus, and the features that the kernel declares.
const CONFIGURATIONS: [(&str, &str); 4] =
    [("MMIO", MINIMAL), ("modern PCI", MINIMAL), ("MMIO", "every feature"), ("modern PCI", "every feature")];
/// The features of the smallest configuration. The names of its calls start with it.
const MINIMAL: &str = "MUST_TELL_HOST";

/// Returns the table of what each configuration costs.
fn figures(counts: &Counts) -> String {
    let number = |name: String| counts.numbers.get(&name).map_or_else(String::new, f64::to_string);
    let stack = |profile: &str, features: &str| {
        let start = format!("bytes of stack/{profile}/");
        let calls = counts.numbers.iter().filter_map(|(name, &bytes)| Some((name.strip_prefix(&start)?, bytes)));
        let calls = calls.filter(|(call, _)| call.starts_with(MINIMAL) == (features == MINIMAL));
        calls.map(|(_, bytes)| bytes).reduce(f64::max).map_or_else(String::new, |bytes| bytes.to_string())
    };
    let memory = |what: &str, features: &str| match features {
        MINIMAL => number(format!("bytes of memory with {MINIMAL}/{what}")),
        _ => number(format!("bytes of memory/{what}")),
    };
    let of_both = |kind: &str, bus: &str, features: &str| number(format!("{kind}/{bus}, {features}"));
    let rows: [(&str, &dyn Fn(&str, &str) -> String); 10] = [
        ("code, bytes, opt-level `s`", &|bus, features| of_both("bytes of code", bus, features)),
        ("code, bytes, opt-level 3", &|bus, features| of_both("bytes of code at opt-level 3", bus, features)),
        ("stack of the deepest call, bytes, release", &|_, features| stack("release", features)),
        ("stack of the deepest call, bytes, dev", &|_, features| stack("dev", features)),
        ("private memory for state, bytes", &|_, features| memory("state", features)),
        ("private memory for bitmaps, bytes a GiB", &|_, features| memory("bitmaps for a GiB", features)),
        ("memory shared with the device, bytes", &|_, features| memory("shared", features)),
        ("boot: accesses to registers", &|bus, features| of_both("register accesses at boot", bus, features)),
        ("boot: accesses to PCI configuration space", &|bus, features| {
            of_both("accesses to PCI configuration space at boot", bus, features)
        }),
        ("boot: instructions", &|bus, features| of_both("instructions at boot", bus, features)),
    ];
    let mut text = "\n|".to_owned();
    for (bus, features) in CONFIGURATIONS {
        let _ = write!(text, " | {bus}, {features}");
    }
    text += " |\n|---|--:|--:|--:|--:|\n";
    for (what, value) in rows {
        let values = CONFIGURATIONS.map(|(bus, features)| value(bus, features)).join(" | ");
        let _ = writeln!(text, "| {what} | {values} |");
    }
    text + "\n"
}

/// Returns the table of the stack that each call uses.
fn stack(counts: &Counts) -> String {
    let mut text = "\n| call | bytes of stack, release | bytes of stack, dev |\n|---|--:|--:|\n".to_owned();
    let stack = |profile: &str, call: &str| counts.numbers.get(&format!("bytes of stack/{profile}/{call}")).copied();
    let calls = counts.numbers.keys().filter_map(|name| name.strip_prefix("bytes of stack/release/"));
    for call in calls.filter(|call| !call.starts_with(MINIMAL)) {
        if let (Some(release), Some(dev)) = (stack("release", call), stack("dev", call)) {
            let _ = writeln!(text, "| {call} | {release} | {dev} |");
        }
    }
    let limit = |profile: &str| {
        counts.limit(&format!("bytes of stack/{profile}/")).map_or_else(String::new, |limit| limit.to_string())
    };
    let _ = writeln!(text, "| **limit** | **{}** | **{}** |", limit("release"), limit("dev"));
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
    use crate::test::kept::Numbers;

    #[test]
    fn the_chapters_show_the_kept_numbers() {
        let counts = Counts::read().unwrap();
        check(&counts).unwrap();
        for (part, _) in PARTS {
            let (before, text, after) = part.split().unwrap();
            assert_eq!(before + &text + &after, fs::read_to_string(workspace::root().join(part.chapter)).unwrap());
        }
    }

    fn own(numbers: &[(&str, f64)]) -> Numbers {
        numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect()
    }

    #[test]
    fn numbers_are_shown_with_their_limits() {
        let counts = Counts {
            compiler: String::new(),
            limits: own(&[("bytes of code/x", 6.0), ("bytes of stack/dev/", 12.0), ("bytes of stack/release/", 5.0)]),
            numbers: own(&[
                ("bytes of code/x", 7.0),
                ("bytes of stack/dev/probe", 9.0),
                ("bytes of stack/release/probe", 4.0),
                ("bytes of stack/dev/MUST_TELL_HOST: probe", 3.0),
                ("bytes of stack/release/MUST_TELL_HOST: probe", 2.0),
            ]),
        };
        let calls = stack(&counts);
        for row in ["probe | 4 | 9", "**limit** | **5** | **12**"] {
            assert!(calls.contains(&format!("| {row} |\n")), "{row} is not in\n{calls}");
        }
        assert!(!calls.contains(MINIMAL), "{calls}");
        let limits = limits(&counts);
        for row in ["`bytes of code/x` | 7 | 6 | missed", "`bytes of stack/dev/…` | 9 | 12 | "] {
            assert!(limits.contains(&format!("| {row} |\n")), "{row} is not in\n{limits}");
        }
    }

    #[test]
    fn figures_are_those_of_their_configuration() {
        let numbers = own(&[
            ("bytes of code/MMIO, MUST_TELL_HOST", 1.0),
            ("bytes of code/modern PCI, MUST_TELL_HOST", 2.0),
            ("bytes of code/MMIO, every feature", 3.0),
            ("bytes of code/modern PCI, every feature", 4.0),
            ("bytes of memory with MUST_TELL_HOST/state", 5.0),
            ("bytes of memory/state", 6.0),
            ("bytes of stack/release/MUST_TELL_HOST: new", 7.0),
            ("bytes of stack/release/MUST_TELL_HOST: probe", 8.0),
            ("bytes of stack/release/probe", 9.0),
        ]);
        let table = figures(&Counts { compiler: String::new(), limits: Numbers::new(), numbers });
        for row in [
            "code, bytes, opt-level `s` | 1 | 2 | 3 | 4",
            "private memory for state, bytes | 5 | 5 | 6 | 6",
            "stack of the deepest call, bytes, release | 8 | 8 | 9 | 9",
        ] {
            assert!(table.contains(&format!("| {row} |\n")), "{row} is not in\n{table}");
        }
    }

    #[test]
    fn the_file_has_every_figure() {
        let table = figures(&Counts::read().unwrap());
        let empty: Vec<_> = table.lines().skip(2).filter(|row| row.contains("|  |")).collect();
        assert_eq!(empty, [""; 0]);
    }
}
