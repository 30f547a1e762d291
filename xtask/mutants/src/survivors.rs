//! Why mutants may survive, from `survivors.txt`.

use std::collections::BTreeMap;

/// The file, relative to the folder of this package. Lines that start with `# ` are reasons, the lines below them mutants without
/// their line and column, once for each that survives.
const FILE: &str = include_str!("../survivors.txt");

/// The reasons, and how many mutants of a name they explain.
#[derive(Debug)]
pub(crate) struct Survivors<'a> {
    reasons: Vec<&'a str>,
    /// The index of the reason of each mutant.
    of: BTreeMap<&'a str, Vec<usize>>,
}

impl Survivors<'static> {
    pub(crate) fn load() -> Self {
        Self::parse(FILE)
    }
}

impl<'a> Survivors<'a> {
    fn parse(text: &'a str) -> Self {
        let mut survivors = Self { reasons: Vec::new(), of: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("# ") {
                Some(reason) => survivors.reasons.push(reason),
                None => {
                    let reason = survivors.reasons.len().saturating_sub(1);
                    survivors.of.entry(line).or_default().push(reason);
                }
            }
        }
        survivors
    }

    /// Sorts mutants by their reasons. The last group has those without one.
    pub(crate) fn sort<'b>(&self, missed: &[&'b str]) -> Vec<(&'a str, Vec<&'b str>)> {
        let reasons = self.reasons.iter().copied().chain(["not explained yet"]);
        let mut groups: Vec<(&str, Vec<&str>)> = reasons.map(|reason| (reason, Vec::new())).collect();
        let mut of = self.of.clone();
        for name in missed {
            let reason = of.get_mut(without_position(name).as_str()).filter(|left| !left.is_empty());
            let reason = reason.map_or(self.reasons.len(), |left| left.remove(0));
            if let Some((_, group)) = groups.get_mut(reason) {
                group.push(name);
            }
        }
        groups.retain(|(_, group)| !group.is_empty());
        groups
    }
}

/// Returns the name of a mutant without its line and column.
pub(crate) fn without_position(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(change)) => format!("{file}:{change}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_explains_one_mutant() {
        let survivors = Survivors::parse("# fast\na.rs: replace f -> bool with true\na.rs: x\n\n# same\na.rs: x\n");
        let missed = ["a.rs:1:2: x", "a.rs:3:4: x", "a.rs:5:6: x", "a.rs:7:8: replace f -> bool with true"];
        let expected = [
            ("fast", vec!["a.rs:1:2: x", "a.rs:7:8: replace f -> bool with true"]),
            ("same", vec!["a.rs:3:4: x"]),
            ("not explained yet", vec!["a.rs:5:6: x"]),
        ];
        assert_eq!(survivors.sort(&missed), expected);
    }

    #[test]
    fn the_file_has_a_reason_above_each_mutant_of_a_source_file() {
        assert!(FILE.starts_with("# "));
        let survivors = Survivors::load();
        for name in survivors.of.keys() {
            let (file, _) = name.split_once(": ").unwrap();
            assert!(xtask_common::workspace::root().join(file).is_file(), "{name}");
        }
    }
}
