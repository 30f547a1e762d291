//! The list of requirements that have no evidence.

use std::fmt;

use anyhow::{Context as _, bail, ensure};

/// A requirement without evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The requirement.
    pub id: String,
    /// Whether evidence is missing.
    pub kind: ExceptionKind,
    /// Why there is no evidence.
    pub reason: String,
}

/// Whether evidence is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionKind {
    /// The requirement does not concern this driver.
    NotApplicable,
    /// The requirement concerns this driver, and nothing shows that it is met.
    Gap,
}

impl ExceptionKind {
    const ALL: [Self; 2] = [Self::NotApplicable, Self::Gap];
}

impl fmt::Display for ExceptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotApplicable => "not applicable",
            Self::Gap => "gap",
        })
    }
}

impl Exception {
    /// The first line of the list.
    const HEADER: &str = "id\tkind\treason";

    /// Parses the list.
    ///
    /// # Errors
    ///
    /// If a line does not have three columns, a known kind and a reason.
    pub fn parse_list(text: &str) -> anyhow::Result<Vec<Self>> {
        let mut lines = text.lines();
        ensure!(lines.next() == Some(Self::HEADER), "the first line is not `{}`", Self::HEADER.replace('\t', " "));
        lines.map(|line| Self::parse(line).with_context(|| format!("exception: {line}"))).collect()
    }

    fn parse(line: &str) -> anyhow::Result<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[id, kind, reason] = columns.as_slice() else { bail!("{} columns instead of 3", columns.len()) };
        let kind = ExceptionKind::ALL.into_iter().find(|known| known.to_string() == kind).context("unknown kind")?;
        ensure!(!reason.trim().is_empty(), "no reason");
        Ok(Self { id: id.to_owned(), kind, reason: reason.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_has_a_kind_and_a_reason() {
        let parse = |line: &str| Exception::parse_list(&format!("id\tkind\treason\n{line}"));
        assert_eq!(parse("a.b.1\tgap\tno test").unwrap()[0].kind, ExceptionKind::Gap);
        assert_eq!(parse("a.b.1\tnot applicable\tnever used").unwrap()[0].reason, "never used");
        for (line, expected) in [
            ("a.b.1\tlater\tno test", "unknown kind"),
            ("a.b.1\tgap\t", "no reason"),
            ("a.b.1\tgap", "2 columns instead of 3"),
        ] {
            assert!(format!("{:#}", parse(line).unwrap_err()).contains(expected), "{line}");
        }
    }
}
