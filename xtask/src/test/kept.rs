//! The file `benches/counts.json`: numbers, and the limits that they have with any compiler.

use std::{collections::BTreeMap, fmt, fs};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use xtask_common::workspace;

/// The name of the file.
pub(crate) const FILE: &str = "benches/counts.json";
/// Numbers whose names start with this may exceed their limits: a limit of theirs is a goal, and the step reports it as missed.
const GOALS: &str = "bytes of code/";

/// Numbers by their names.
pub(crate) type Numbers = BTreeMap<String, f64>;

/// The content of the file.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Counts {
    /// The compiler of the counted code. Other compilers have other numbers.
    pub(crate) compiler: String,
    /// Upper limits of the numbers whose names start with the key.
    pub(crate) limits: Numbers,
    pub(crate) numbers: Numbers,
}

/// A number compared with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no limit, or the number does not exceed it.
    Met,
    /// The number exceeds its goal.
    Missed,
    /// The number exceeds its limit.
    Exceeded,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "",
            Self::Missed => "missed",
            Self::Exceeded => "exceeded",
        })
    }
}

impl Counts {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not valid.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let path = workspace::root().join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {FILE}"))?;
        serde_json::from_str(&text).with_context(|| format!("{FILE} is not valid"))
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(workspace::root().join(FILE), text).with_context(|| format!("failed to write {FILE}"))
    }

    /// Returns the limit of a number.
    pub(crate) fn limit(&self, name: &str) -> Option<f64> {
        self.limits.iter().find(|(start, _)| name.starts_with(start.as_str())).map(|(_, &limit)| limit)
    }

    /// Compares a number with its limit.
    pub(crate) fn verdict(&self, name: &str, number: f64) -> Verdict {
        match self.limit(name) {
            Some(limit) if number > limit && name.starts_with(GOALS) => Verdict::Missed,
            Some(limit) if number > limit => Verdict::Exceeded,
            _ => Verdict::Met,
        }
    }

    /// Returns each limit with the largest number that it applies to.
    pub(crate) fn largest(&self) -> impl Iterator<Item = (&str, f64, Option<f64>)> {
        self.limits.iter().map(|(start, &limit)| {
            let numbers = self.numbers.iter().filter(|(name, _)| name.starts_with(start.as_str()));
            (start.as_str(), limit, numbers.map(|(_, &number)| number).reduce(f64::max))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_may_exceed_its_limit() {
        let limits = [("bytes of code/x".to_owned(), 10.0), ("bytes of stack/".to_owned(), 10.0)].into();
        let counts = Counts { compiler: String::new(), limits, numbers: Numbers::new() };
        assert_eq!(counts.verdict("bytes of code/x", 11.0), Verdict::Missed);
        assert_eq!(counts.verdict("bytes of code/y", 11.0), Verdict::Met);
        assert_eq!(counts.verdict("bytes of stack/probe", 11.0), Verdict::Exceeded);
        assert_eq!(counts.verdict("bytes of stack/probe", 10.0), Verdict::Met);
    }

    #[test]
    fn every_limit_of_the_file_applies_to_a_number() {
        let counts = Counts::read().unwrap();
        for (start, _, largest) in counts.largest() {
            assert!(largest.is_some(), "no number starts with `{start}`");
        }
        for kind in ["bytes of stack/dev/probe", "bytes of stack/release/probe", "bytes of memory/balloon"] {
            assert!(counts.limit(kind).is_some(), "{kind} has no limit");
        }
    }
}
