//! What is wrong with the requirements and their evidence.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    exception::Exception,
    requirement::{Requirement, is_id},
    scan::Found,
};

/// Returns what is wrong: unknown ids, requirements without evidence, and exceptions that are not needed.
pub fn problems(requirements: &[Requirement], exceptions: &[Exception], found: &Found) -> Vec<String> {
    let known: BTreeSet<&str> = requirements.iter().map(|one| one.id.as_str()).collect();
    let mut problems = found.problems.clone();
    let mut places = BTreeMap::new();
    for one in &found.evidence {
        let place = format!("{}, `{}`", one.file, one.item.as_deref().unwrap_or("the file"));
        if !known.contains(one.id.as_str()) {
            problems.push(format!("{place}: the requirement `{}` does not exist", one.id));
        }
        if places.insert((&one.id, one.kind, place.clone()), ()).is_some() {
            problems.push(format!("{place}: `{}` is named twice", one.id));
        }
    }
    let has_evidence: BTreeSet<&str> = found.evidence.iter().map(|one| one.id.as_str()).collect();
    let mut excepted = BTreeSet::new();
    for Exception { id, kind, .. } in exceptions {
        if !known.contains(id.as_str()) {
            problems.push(format!("exceptions.tsv: the requirement `{id}` does not exist"));
        }
        if has_evidence.contains(id.as_str()) {
            problems.push(format!("exceptions.tsv: `{id}` has evidence and is not `{kind}`: remove the line"));
        }
        if !excepted.insert(id.as_str()) {
            problems.push(format!("exceptions.tsv: `{id}` is listed twice"));
        }
    }
    let lacks_evidence = |id: &&&str| !has_evidence.contains(**id) && !excepted.contains(**id);
    problems.extend(known.iter().filter(lacks_evidence).map(|id| {
        format!("`{id}` has no evidence: add `// conformance: {id}` above a test, or the reason to exceptions.tsv")
    }));
    problems
}

/// The known ids, to find misspelt ones in comments and prose.
pub(crate) struct Names<'l> {
    known: BTreeSet<&'l str>,
    /// The known ids without their numbers.
    starts: BTreeSet<&'l str>,
}

impl<'l> Names<'l> {
    pub(crate) fn of(requirements: &'l [Requirement]) -> Self {
        let known: BTreeSet<&str> = requirements.iter().map(|one| one.id.as_str()).collect();
        let starts = known.iter().filter_map(|id| id.rsplit_once('.').map(|(start, _)| start)).collect();
        Self { known, starts }
    }

    /// Returns the ids in a text whose requirement does not exist. Only names count that have the start of a known id: other names
    /// contain dots and numbers too.
    pub(crate) fn unknown<'t>(&self, text: &'t str) -> Vec<&'t str> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
            .map(|word| word.trim_end_matches(['.', '-']))
            .filter(|word| word.contains('.') && is_id(word) && !self.known.contains(word))
            .filter(|word| word.rsplit_once('.').is_some_and(|(start, _)| self.starts.contains(start)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExceptionKind, Level, scan_text};

    fn requirement(id: &str) -> Requirement {
        let [id, section, applies, text] = [id, "A", "always", "Do it."].map(str::to_owned);
        Requirement { id, section, level: Level::Must, applies, text }
    }

    fn exception(id: &str) -> Exception {
        Exception { id: id.to_owned(), kind: ExceptionKind::Gap, reason: "no test".to_owned() }
    }

    /// The problems of the requirements `a.b.1` and `a.b.2`.
    fn of(exceptions: &[Exception], text: &str) -> Vec<String> {
        problems(&[requirement("a.b.1"), requirement("a.b.2")], exceptions, &scan_text("a/tests/b.rs", text))
    }

    #[test]
    fn every_requirement_has_evidence_or_an_exception() {
        assert_eq!(of(&[], "// conformance: a.b.1, a.b.2\n#[test]\nfn a() {}"), Vec::<String>::new());
        assert_eq!(of(&[exception("a.b.2")], "// conformance: a.b.1\n#[test]\nfn a() {}"), Vec::<String>::new());
        let missing = of(&[], "// conformance: a.b.1\n#[test]\nfn a() {}");
        assert!(missing.len() == 1 && missing[0].starts_with("`a.b.2` has no evidence"), "{missing:?}");
    }

    #[test]
    fn evidence_that_does_not_name_the_requirement_does_not_count() {
        let missing = of(&[exception("a.b.2")], "/// a.b.1: it works.\n#[test]\nfn a() {}");
        assert!(missing.len() == 1 && missing[0].starts_with("`a.b.1` has no evidence"), "{missing:?}");
    }

    #[test]
    fn unknown_and_repeated_ids_are_problems() {
        let unknown = of(&[], "// conformance: a.b.1, a.b.2, a.b.3\n#[test]\nfn a() {}");
        assert_eq!(unknown, ["a/tests/b.rs, `a`: the requirement `a.b.3` does not exist"]);
        let twice = of(&[], "// conformance: a.b.1, a.b.2\n// conformance: a.b.1\n#[test]\nfn a() {}");
        assert_eq!(twice, ["a/tests/b.rs, `a`: `a.b.1` is named twice"]);
    }

    #[test]
    fn exceptions_must_be_needed() {
        let text = "// conformance: a.b.1, a.b.2\n#[test]\nfn a() {}";
        let needless = of(&[exception("a.b.1")], text);
        assert!(needless.len() == 1 && needless[0].contains("`a.b.1` has evidence and is not `gap`"), "{needless:?}");
        assert_eq!(of(&[exception("a.c.1")], text), ["exceptions.tsv: the requirement `a.c.1` does not exist"]);
        let text = "// conformance: a.b.1\n#[test]\nfn a() {}";
        let repeated = of(&[exception("a.b.2"), exception("a.b.2")], text);
        assert_eq!(repeated, ["exceptions.tsv: `a.b.2` is listed twice"]);
    }

    #[test]
    fn ids_in_prose_must_exist() {
        let text = "Section 5.5.6 and `ring.descriptors.0` are not ids. See a.b.1, a.b.9. Not x.y.1.";
        assert_eq!(Names::of(&[requirement("a.b.1")]).unknown(text), ["a.b.9"]);
    }
}
