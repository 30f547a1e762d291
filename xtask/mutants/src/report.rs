//! The numbers of a run, and the part of the book that has them.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter, Write as _},
    fs,
};

use anyhow::Context as _;
use xtask_common::workspace::root;

use crate::{Verdicts, list::Mutant, programs::Verdict, survivors::Survivors, tree::Found};

/// The chapter with the numbers, and the lines around them.
const CHAPTER: &str = "docs/src/testing.md";
const BEGIN: &str = "<!-- begin: mutants -->\n";
const END: &str = "<!-- end: mutants -->";

/// The mutants by their verdicts.
#[derive(Debug, Default)]
pub(crate) struct Report<'a> {
    listed: usize,
    caught: usize,
    timeouts: usize,
    unviable: usize,
    missed: Vec<&'a str>,
    /// How many of them passed only a part of the tests that reach them.
    unfinished: usize,
    /// Mutants that are not in the program: cargo-mutants judges them.
    left: Vec<&'a str>,
    /// The day and the commit of the run.
    made: &'a str,
}

impl<'a> Report<'a> {
    pub(crate) fn new(mutants: &'a [Mutant], found: &'a Found, verdicts: &Verdicts) -> Self {
        let mut report = Self { listed: mutants.len(), made: &found.made, ..Self::default() };
        for mutant in mutants {
            match verdicts.get(&mutant.name) {
                Some(Verdict::Caught { .. }) => report.caught += 1,
                Some(Verdict::Timeout) => report.timeouts += 1,
                Some(Verdict::Unviable) => report.unviable += 1,
                Some(verdict @ (Verdict::Missed { .. } | Verdict::Unreached)) => {
                    report.missed.push(&mutant.name);
                    report.unfinished += usize::from(!matches!(verdict, Verdict::Missed { left_out: 0 }));
                }
                None if found.unviable.contains_key(&mutant.name) => report.unviable += 1,
                None => report.left.push(&mutant.name),
            }
        }
        report
    }

    fn all_caught(&self) -> usize {
        self.caught + self.timeouts
    }

    fn judged(&self) -> usize {
        self.all_caught() + self.missed.len()
    }

    /// Writes the numbers and the mutants that were not caught to the book.
    ///
    /// # Errors
    ///
    /// If the chapter has no place for them.
    pub(crate) fn write_to_book(&self) -> anyhow::Result<()> {
        let file = root().join(CHAPTER);
        let text = fs::read_to_string(&file)?;
        let place = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) =
            place.with_context(|| format!("{CHAPTER} has no lines `begin: mutants`, `end: mutants`"))?;
        Ok(fs::write(file, format!("{before}{BEGIN}{}{END}{after}", self.book()?))?)
    }

    fn book(&self) -> Result<String, fmt::Error> {
        let groups = Survivors::load().sort(&self.missed);
        let explained: usize =
            groups.iter().filter(|(reason, _)| !reason.starts_with("not ")).map(|(_, group)| group.len()).sum();
        let (caught, judged) = (self.all_caught(), self.judged());
        let rows = [
            ("date and commit of the last run", self.made.to_owned()),
            ("mutants that cargo-mutants lists", thousands(self.listed)),
            ("do not compile (unviable)", thousands(self.unviable)),
            ("not judged", thousands(self.left.len())),
            ("judged", thousands(judged)),
            ("caught", thousands(caught)),
            ("… of them by a test that did not end", thousands(self.timeouts)),
            ("not caught", thousands(self.missed.len())),
            ("… of them with a reason below", thousands(explained)),
            ("… of them by all tests that were built and reach them", thousands(self.missed.len() - self.unfinished)),
            ("**score: caught / judged**", format!("**{}**", percent(caught, judged))),
            ("caught / viable, if all that are not judged were missed", percent(caught, judged + self.left.len())),
        ];
        let mut text = String::from("\n| | |\n|---|--:|\n");
        for (name, value) in rows {
            writeln!(text, "| {name} | {value} |")?;
        }
        text += "\nThe mutants that were not caught:\n\n| reason | mutants | where |\n|---|--:|---|\n";
        for (reason, group) in groups {
            writeln!(text, "| {reason} | {} | {} |", group.len(), places(&group))?;
        }
        if !self.left.is_empty() {
            writeln!(text, "\nNot judged: {}.", places(&self.left))?;
        }
        text.push('\n');
        Ok(text)
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { timeouts, unviable, missed, left, .. } = self;
        missed.iter().try_for_each(|name| writeln!(f, "missed: {name}"))?;
        left.iter().try_for_each(|name| writeln!(f, "not judged: {name}"))?;
        let (caught, judged) = (self.all_caught(), self.judged());
        writeln!(
            f,
            "{caught} of {judged} mutants caught ({}), {timeouts} of them by time; {} missed; {unviable} do not compile; {} not judged",
            percent(caught, judged),
            missed.len(),
            left.len()
        )
    }
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn thousands(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, low) => low.to_string(),
        (high, low) => format!("{high},{low:03}"),
    }
}

/// Returns the functions of mutants, with the number of mutants in each.
fn places(names: &[&str]) -> String {
    let mut files: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
    for name in names {
        let (file, change) = name.split_once(':').unwrap_or((name, ""));
        let functions = files.entry(file).or_default();
        let function = function(change);
        match functions.iter_mut().find(|(known, _)| *known == function) {
            Some((_, count)) => *count += 1,
            None => functions.push((function, 1)),
        }
    }
    let files = files.iter().map(|(file, functions)| {
        let functions = functions.iter().map(|(name, count)| match count {
            1 => format!("`{name}`"),
            _ => format!("`{name}` ×{count}"),
        });
        format!("`{}`: {}", file.replace("/src/", "/"), functions.collect::<Vec<_>>().join(", "))
    });
    files.collect::<Vec<_>>().join("; ")
}

/// Returns the name of the function that a mutant changes, or its line if it changes a constant.
fn function(change: &str) -> &str {
    let line = change.split(':').next().unwrap_or_default();
    let path = match change.rsplit_once(" in ") {
        Some((_, path)) => path,
        None => {
            let replaced = change.split_once(": replace ").map_or("", |(_, rest)| rest);
            let path = replaced.split(" with ").next().unwrap_or_default().split(" -> ").next().unwrap_or_default();
            match path.starts_with(char::is_alphabetic) || path.starts_with("<impl") {
                true => path,
                false => return line,
            }
        }
    };
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_functions_with_their_number_of_mutants() {
        let names = [
            "balloon/src/a.rs:1:2: replace + with - in Core<C>::f",
            "balloon/src/a.rs:3:4: replace <impl T for S<N>>::g -> Result<(), E> with Ok(())",
            "balloon/src/a.rs:5:6: replace + with - in Core<C>::f",
            "balloon/src/b.rs:7:8: replace << with >>",
            "balloon/src/b.rs:9:8: replace match guard a && b with true in h",
            "balloon/src/b.rs:9:8: delete field a from struct S expression in T::i",
            "balloon/src/b.rs:9:8: replace j with ()",
        ];
        assert_eq!(places(&names), "`balloon/a.rs`: `f` ×2, `g`; `balloon/b.rs`: `7`, `h`, `i`, `j`");
    }

    #[test]
    fn numbers_are_rounded_down() {
        assert_eq!((percent(1999, 2000), thousands(2046)), ("99.9 %".to_owned(), "2,046".to_owned()));
        assert_eq!((percent(0, 0), thousands(46)), ("0.0 %".to_owned(), "46".to_owned()));
    }
}
