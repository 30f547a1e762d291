//! The evidence in the text of a file.

use std::fmt;

use anyhow::{Context as _, bail};

use crate::{
    annotation::{Annotation, Word, is_misspelt},
    item,
};

/// Evidence for a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The requirement.
    pub id: String,
    /// What the evidence is.
    pub kind: Kind,
    /// The file, from the root of the workspace.
    pub file: String,
    /// The item in the file, or `None` for the whole file.
    pub item: Option<String>,
    /// What the annotation adds.
    pub note: Option<String>,
}

/// What the evidence for a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A program that breaks the requirement does not compile, and a test compiles it.
    Type,
    /// A test fails if the requirement is broken.
    Test,
    /// One place of a library ensures it.
    Construct,
    /// The requirement is not met, or not always.
    Deviation,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Test => "test",
            Self::Type => "type",
            Self::Construct => "construct",
            Self::Deviation => "deviation",
        })
    }
}

/// What a file contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The evidence.
    pub evidence: Vec<Evidence>,
    /// Annotations that are wrong.
    pub problems: Vec<String>,
}

impl Found {
    /// Adds what another file contains.
    pub fn append(&mut self, other: Self) {
        self.evidence.extend(other.evidence);
        self.problems.extend(other.problems);
    }
}

/// Finds the evidence in the text of a file. `file` is its path from the root of the workspace.
pub fn scan_text(file: &str, text: &str) -> Found {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Found::default();
    for at in 0..lines.len() {
        match scan_line(file, &lines, at) {
            Ok(evidence) => found.evidence.extend(evidence),
            Err(error) => found.problems.push(format!("{file}:{}: {error:#}", at + 1)),
        }
    }
    found
}

/// Returns the evidence of the annotation in line `at`, if there is one.
fn scan_line(file: &str, lines: &[&str], at: usize) -> anyhow::Result<Vec<Evidence>> {
    if is_misspelt(lines[at]) {
        bail!("an annotation starts with `// conformance:`")
    }
    let Some(mut annotation) = Annotation::parse(lines[at])? else { return Ok(Vec::new()) };
    for line in &lines[at + 1..] {
        let Some(comment) = line.trim().strip_prefix("//") else { break };
        let is_more = !comment.starts_with(['/', '!']) && Annotation::parse(line).ok() == Some(None);
        if !is_more || !annotation.continue_with(comment) {
            break;
        }
    }
    let (item, is_test) = if is_ui(file) {
        (None, false)
    } else {
        let item = item::at(lines, at)?;
        (Some(item.name), item.is_test)
    };
    let kind = match annotation.word {
        None if is_ui(file) => Kind::Type,
        None if is_test => Kind::Test,
        Some(Word::Deviation) => Kind::Deviation,
        Some(Word::Construct) if is_library(file) && !is_test => Kind::Construct,
        None if is_library(file) => bail!("write `construct` or `deviation` before the id"),
        None => bail!("`{}` is not a test", item.context("no item")?),
        Some(_) => bail!("`construct` is for the items of a library"),
    };
    let Annotation { ids, note, .. } = annotation;
    let evidence = |id| Evidence { id, kind, file: file.to_owned(), item: item.clone(), note: note.clone() };
    Ok(ids.into_iter().map(evidence).collect())
}

/// Returns whether the file is a program that must not compile.
fn is_ui(file: &str) -> bool {
    file.contains("/tests/ui/")
}

/// Returns whether the file belongs to a library, not to its integration tests.
fn is_library(file: &str) -> bool {
    !file.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(file: &str, text: &str) -> Vec<(String, Kind, Option<String>)> {
        let found = scan_text(file, text);
        assert_eq!(found.problems, Vec::<String>::new());
        found.evidence.into_iter().map(|one| (one.id, one.kind, one.item)).collect()
    }

    fn problem(file: &str, text: &str) -> String {
        let found = scan_text(file, text);
        assert_eq!((found.evidence.len(), found.problems.len()), (0, 1), "{found:?}");
        found.problems[0].clone()
    }

    #[test]
    fn the_kind_follows_from_the_place() {
        let test = kinds("a/tests/b.rs", "// conformance: a.b.1, a.b.2\n#[test]\nfn works() {}\n");
        let works = || Some("works".to_owned());
        assert_eq!(test, [("a.b.1".into(), Kind::Test, works()), ("a.b.2".into(), Kind::Test, works())]);
        let inner = kinds("a/src/b.rs", "mod tests {\n    // conformance: a.b.1\n    #[test]\n    fn works() {}\n}");
        assert_eq!(inner, [("a.b.1".into(), Kind::Test, works())]);
        let ui = kinds("a/tests/ui/b.rs", "//! Why.\n// conformance: a.b.1\n\nfn main() {}\n");
        assert_eq!(ui, [("a.b.1".into(), Kind::Type, None)]);
        let library =
            kinds("a/src/b.rs", "// conformance: construct a.b.1\n// conformance: construct a.b.2\npub struct B;");
        let b = || Some("B".to_owned());
        assert_eq!(library, [("a.b.1".into(), Kind::Construct, b()), ("a.b.2".into(), Kind::Construct, b())]);
    }

    #[test]
    fn a_note_may_have_several_lines() {
        let text = "/// Doc.\n// conformance: deviation a.b.1: it is\n// an erratum.\n// conformance: construct a.b.2\n// why\nfn a() {}";
        let found = scan_text("a/src/b.rs", text);
        assert_eq!(found.problems, Vec::<String>::new());
        let notes: Vec<_> = found.evidence.iter().map(|one| one.note.as_deref()).collect();
        assert_eq!(notes, [Some("it is an erratum."), None]);
    }

    #[test]
    fn annotations_that_are_no_evidence_are_problems() {
        let helper = problem("a/tests/b.rs", "\n// conformance: a.b.1\nfn helper() {}");
        assert_eq!(helper, "a/tests/b.rs:2: `helper` is not a test");
        assert!(problem("a/src/b.rs", "// conformance: a.b.1\nfn a() {}").contains("write `construct`"));
        assert!(
            problem("a/tests/b.rs", "// conformance: construct a.b.1\n#[test]\nfn a() {}").contains("of a library")
        );
        assert!(
            problem("a/tests/b.rs", "// conformance: a.b.1\n\n#[test]\nfn a() {}").contains("not stand above an item")
        );
        assert!(problem("a/src/b.rs", "/// conformance: a.b.1\nfn a() {}").contains("starts with `// conformance:`"));
        assert!(problem("a/src/b.rs", "// conformance: construct a.b\nfn a() {}").contains("is not an id"));
    }
}
