//! The list of requirements.

use std::fmt;

use anyhow::{Context as _, bail, ensure};

/// A requirement of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The stable name, such as `balloon.op.2`.
    pub id: String,
    /// The titles of the section in the specification, from the chapter down.
    pub section: String,
    /// The keyword.
    pub level: Level,
    /// The conditions, all of which must hold: `always`, or names joined by `+`, with `!` before a feature that is not negotiated.
    pub applies: String,
    /// What is required, paraphrased.
    pub text: String,
}

/// The keyword of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An absolute requirement.
    Must,
    /// An absolute prohibition.
    MustNot,
    /// A recommendation.
    Should,
    /// A recommendation against something.
    ShouldNot,
    /// A permission.
    May,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 5] = [Self::Must, Self::MustNot, Self::Should, Self::ShouldNot, Self::May];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        })
    }
}

impl Requirement {
    /// The first line of the list.
    const HEADER: &str = "id\tsection\tlevel\tapplies\trequirement";

    /// Parses the list.
    ///
    /// # Errors
    ///
    /// If a line does not have five columns or a known level, or if two lines have the same id.
    pub fn parse_list(text: &str) -> anyhow::Result<Vec<Self>> {
        let mut lines = text.lines();
        ensure!(lines.next() == Some(Self::HEADER), "the first line is not `{}`", Self::HEADER.replace('\t', " "));
        let mut list: Vec<Self> = Vec::new();
        for (number, line) in lines.enumerate() {
            let one = Self::parse(line).with_context(|| format!("line {}: {line}", number + 2))?;
            ensure!(list.iter().all(|other| other.id != one.id), "{} is in the list twice", one.id);
            list.push(one);
        }
        Ok(list)
    }

    fn parse(line: &str) -> anyhow::Result<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[id, section, level, applies, text] = columns.as_slice() else {
            bail!("{} columns instead of 5", columns.len())
        };
        ensure!(is_id(id), "`{id}` is not an id such as `balloon.op.2`");
        let level = Level::ALL.into_iter().find(|known| known.to_string() == level).context("unknown level")?;
        let [id, section, applies, text] = [id, section, applies, text].map(str::to_owned);
        Ok(Self { id, section, level, applies, text })
    }

    /// Returns the first part of the id, such as `balloon`; rings have two parts.
    pub fn area(&self) -> &str {
        let parts = if self.id.starts_with("ring.") { 2 } else { 1 };
        self.id.match_indices('.').nth(parts - 1).map_or(self.id.as_str(), |(end, _)| &self.id[..end])
    }
}

/// Returns whether `text` has the form of an id: lower-case names and a number, separated by dots.
pub(crate) fn is_id(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let Some((names, number)) = text.rsplit_once('.') else { return false };
    names.contains('.') && names.split('.').all(is_name) && number.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_start_of_the_id() {
        let list = "id\tsection\tlevel\tapplies\trequirement\n\
                    ring.split.idx.1\tA / B\tMUST\tsplit\tDo it.\n\
                    pci.access.1\tA\tSHOULD NOT\talways\tLeave it.";
        let list = Requirement::parse_list(list).unwrap();
        assert_eq!(list.iter().map(Requirement::area).collect::<Vec<_>>(), ["ring.split", "pci"]);
        assert_eq!(list[1].level, Level::ShouldNot);
    }

    #[test]
    fn malformed_lists_are_rejected() {
        let message = |lines: &str| {
            let list = format!("id\tsection\tlevel\tapplies\trequirement\n{lines}");
            format!("{:#}", Requirement::parse_list(&list).unwrap_err())
        };
        assert!(message("a.b.1\tA\tMUST\talways").contains("4 columns instead of 5"));
        assert!(message("a.b.1\tA\tmust\talways\tDo it.").contains("unknown level"));
        assert!(message("a.b\tA\tMUST\talways\tDo it.").contains("`a.b` is not an id"));
        assert!(message("a.b.1\tA\tMUST\talways\tx\na.b.1\tA\tMAY\talways\ty").contains("a.b.1 is in the list twice"));
        assert!(Requirement::parse_list("a.b.1\tA\tMUST\talways\tDo it.").is_err(), "the header is missing");
    }

    #[test]
    fn ids_end_with_a_number() {
        for id in ["balloon.op.2", "ring.split.avail-notif.10"] {
            assert!(is_id(id), "{id}");
        }
        for other in ["balloon.op", "op.2", "ring.descriptors.0.", "Balloon.op.2", "balloon..2", "5.5.6"] {
            assert!(!is_id(other), "{other}");
        }
    }
}
