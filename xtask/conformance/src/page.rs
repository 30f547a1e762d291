//! The page of the book.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::{bail, ensure};

use crate::{
    exception::{Exception, ExceptionKind},
    requirement::{Level, Requirement},
    scan::{Evidence, Kind},
};

/// The start of a line of the template that a generated part replaces.
const START: &str = "<!-- generated: ";
/// The part that tells a reader of the file not to change it.
const NOTICE: &str =
    "<!-- `cargo xtask conformance` writes this file from docs/conformance and annotations in the code. -->\n";
/// Returns the page: the template with the lists of requirements in place of its lines `<!-- generated: AREA -->`.
///
/// # Errors
///
/// If the template has no line for an area, or a line for an area that does not exist.
pub fn render(
    template: &str,
    requirements: &[Requirement],
    exceptions: &[Exception],
    evidence: &[Evidence],
) -> anyhow::Result<String> {
    let mut missing: BTreeSet<&str> = requirements.iter().map(Requirement::area).collect();
    let mut page = String::new();
    for line in template.lines() {
        match line.strip_prefix(START).and_then(|rest| rest.strip_suffix(" -->")) {
            Some("notice") => page += NOTICE,
            Some("summary") => page += &summary(requirements, exceptions, evidence),
            Some("untested") => page += &untested(requirements, exceptions, evidence),
            Some("deviations") => page += &deviations(requirements, evidence),
            Some(area) => {
                ensure!(
                    missing.remove(area),
                    "the template has a line for `{area}`, which is not an area or comes twice"
                );
                let own: Vec<_> = requirements.iter().filter(|one| one.area() == area).collect();
                page += &list(&own, exceptions, evidence)?;
            }
            None => {
                page += line;
                page.push('\n');
            }
        }
    }
    ensure!(missing.is_empty(), "the template has no line for {}", missing.into_iter().collect::<Vec<_>>().join(", "));
    Ok(page)
}

/// Returns the requirements with their evidence, under the titles of their sections.
fn list(requirements: &[&Requirement], exceptions: &[Exception], evidence: &[Evidence]) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut section = None;
    for requirement in requirements {
        let Requirement { id, level, text: requires, .. } = requirement;
        if section.replace(&requirement.section) != Some(&requirement.section) {
            let separator = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{separator}### {}\n", requirement.section)?;
        }
        writeln!(text, "* `{id}` **{level}**{} {requires}", condition(&requirement.applies))?;
        let own: Vec<&Evidence> = evidence.iter().filter(|one| one.id == *id).collect();
        text += &places(&own);
        if let Some(Exception { kind, reason, .. }) = exceptions.iter().find(|one| one.id == *id) {
            writeln!(text, "  * {kind}: {reason}")?;
        } else if own.is_empty() {
            bail!("`{id}` has neither evidence nor an exception");
        }
    }
    Ok(text)
}

/// Returns when a requirement applies, for instance ` (legacy, without EVENT_IDX)`.
fn condition(applies: &str) -> String {
    if applies == "always" {
        return String::new();
    }
    let conditions: Vec<String> = applies
        .split('+')
        .map(|one| {
            let (without, name) = one.strip_prefix('!').map_or(("", one), |name| ("without ", name));
            let name = name.strip_prefix("VIRTIO_F_").or(name.strip_prefix("VIRTIO_BALLOON_F_")).unwrap_or(name);
            format!("{without}{name}")
        })
        .collect();
    format!(" ({})", conditions.join(", "))
}

/// Returns one line for each kind of evidence and each note, with the places of the evidence.
fn places(evidence: &[&Evidence]) -> String {
    let mut sorted: Vec<(Kind, Option<&str>, &str, Option<&str>)> =
        evidence.iter().map(|one| (one.kind, one.note.as_deref(), one.file.as_str(), one.item.as_deref())).collect();
    sorted.sort_unstable();
    let mut text = String::new();
    for same in sorted.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let (kind, note, ..) = same[0];
        let files: Vec<String> = same
            .chunk_by(|one, other| one.2 == other.2)
            .map(|items| {
                let names: String = items.iter().filter_map(|one| one.3).map(|name| format!(" `{name}`")).collect();
                format!("`{}`{}", items[0].2, names.replace("` `", "`, `"))
            })
            .collect();
        let note = note.map(|note| format!(" {note};")).unwrap_or_default();
        let _ = writeln!(text, "  * {kind}:{note} {}", files.join("; "));
    }
    text
}

/// Returns whether there is evidence of this kind for the requirement.
fn has(evidence: &[Evidence], one: &Requirement, kind: Kind) -> bool {
    evidence.iter().any(|found| found.id == one.id && found.kind == kind)
}

/// Returns whether a test fails if the requirement is broken.
fn is_tested(evidence: &[Evidence], one: &Requirement) -> bool {
    has(evidence, one, Kind::Test) || has(evidence, one, Kind::Type)
}

/// Returns the table of the numbers of requirements by level and evidence.
fn summary(requirements: &[Requirement], exceptions: &[Exception], evidence: &[Evidence]) -> String {
    let deviates = |one: &Requirement| has(evidence, one, Kind::Deviation);
    let excepted = |one: &Requirement, kind| exceptions.iter().any(|found| found.id == one.id && found.kind == kind);
    let columns: [(&str, &dyn Fn(&Requirement) -> bool); 6] = [
        ("type or test", &|one| is_tested(evidence, one) && !deviates(one)),
        ("construct only", &|one| has(evidence, one, Kind::Construct) && !is_tested(evidence, one) && !deviates(one)),
        ("deviation", &deviates),
        ("gap", &|one| excepted(one, ExceptionKind::Gap)),
        ("not applicable", &|one| excepted(one, ExceptionKind::NotApplicable)),
        ("all", &|_| true),
    ];
    let mut text = "| level |".to_owned();
    columns.iter().for_each(|(name, _)| text += &format!(" {name} |"));
    text += &format!("\n|---|{}\n", "--:|".repeat(columns.len()));
    let mut row = |name: &str, rows: &[&Requirement]| {
        text += &format!("| {name} |");
        columns.iter().for_each(|(_, column)| text += &format!(" {} |", rows.iter().filter(|one| column(one)).count()));
        text.push('\n');
    };
    for level in Level::ALL {
        row(&level.to_string(), &requirements.iter().filter(|one| one.level == level).collect::<Vec<_>>());
    }
    row("all", &requirements.iter().collect::<Vec<_>>());
    text
}

/// Returns the requirements without a deviation that apply and that no test checks, by level.
fn untested(requirements: &[Requirement], exceptions: &[Exception], evidence: &[Evidence]) -> String {
    let mut text = String::new();
    for level in Level::ALL {
        let applies = |one: &&Requirement| {
            let is_gap = |found: &Exception| found.id == one.id && found.kind == ExceptionKind::Gap;
            has(evidence, one, Kind::Construct) && !has(evidence, one, Kind::Deviation) || exceptions.iter().any(is_gap)
        };
        let of_level = requirements.iter().filter(|one| one.level == level && !is_tested(evidence, one));
        let ids: Vec<String> = of_level.filter(applies).map(|one| format!("`{}`", one.id)).collect();
        if !ids.is_empty() {
            let _ = writeln!(text, "* {level}: {}", ids.join(", "));
        }
    }
    text
}

/// Returns the deviations, with the requirements that have the same reason in one line.
fn deviations(requirements: &[Requirement], evidence: &[Evidence]) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for one in requirements {
        for found in evidence.iter().filter(|found| found.id == one.id && found.kind == Kind::Deviation) {
            let (reason, entry) = (found.note.as_deref().unwrap_or_default(), format!("`{}` ({})", one.id, one.level));
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                // A deviation may stand at more than one place.
                Some((_, entries)) if entries.contains(&entry) => {}
                Some((_, entries)) => entries.push(entry),
                None => reasons.push((reason, vec![entry])),
            }
        }
    }
    reasons.iter().fold(String::new(), |text, (reason, entries)| format!("{text}* {}: {reason}\n", entries.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan_text;

    const LIST: &str = "id\tsection\tlevel\tapplies\trequirement\n\
                        a.b.1\tA / B\tMUST\talways\tDo it.\n\
                        a.b.2\tA / B\tSHOULD NOT\tlegacy+!VIRTIO_F_EVENT_IDX\tLeave it.\n\
                        a.c.1\tA / C\tMAY\tVIRTIO_BALLOON_F_STATS_VQ\tThink.";

    fn page(template: &str) -> anyhow::Result<String> {
        let requirements = Requirement::parse_list(LIST).unwrap();
        let exceptions = Exception::parse_list("id\tkind\treason\na.c.1\tgap\tno test thinks").unwrap();
        let mut found = scan_text(
            "t/tests/a.rs",
            "// conformance: a.b.1\n#[test]\nfn x() {}\n// conformance: a.b.1, a.b.2\n#[test]\nfn y() {}",
        );
        found.append(scan_text("t/src/a.rs", "// conformance: deviation a.b.2: old devices need it\nfn z() {}"));
        assert_eq!(found.problems, Vec::<String>::new());
        render(template, &requirements, &exceptions, &found.evidence)
    }

    #[test]
    fn the_lists_replace_the_lines_of_the_template() {
        let expected = "# Title\n### A / B\n\n* `a.b.1` **MUST** Do it.\n  * test: `t/tests/a.rs` `x`, `y`\n\
             * `a.b.2` **SHOULD NOT** (legacy, without EVENT_IDX) Leave it.\n  * test: `t/tests/a.rs` `y`\n  \
             * deviation: old devices need it; `t/src/a.rs` `z`\n\n### A / C\n\n\
             * `a.c.1` **MAY** (STATS_VQ) Think.\n  * gap: no test thinks\nEnd.\n";
        assert_eq!(page("# Title\n<!-- generated: a -->\nEnd.\n").unwrap(), expected);
    }

    #[test]
    fn the_summary_counts_each_requirement_once() {
        let page = page("<!-- generated: summary -->\n<!-- generated: a -->\n").unwrap();
        for row in [
            "| MUST | 1 | 0 | 0 | 0 | 0 | 1 |",
            "| SHOULD NOT | 0 | 0 | 1 | 0 | 0 | 1 |",
            "| all | 1 | 0 | 1 | 1 | 0 | 3 |",
        ] {
            assert!(page.contains(row), "{row} is not in\n{page}");
        }
    }

    #[test]
    fn deviations_and_requirements_without_a_test_are_listed() {
        let page =
            page("<!-- generated: untested -->\n<!-- generated: deviations -->\n<!-- generated: a -->\n").unwrap();
        assert!(page.starts_with("* MAY: `a.c.1`\n* `a.b.2` (SHOULD NOT): old devices need it\n"), "{page}");
    }

    #[test]
    fn the_template_must_have_every_area() {
        let message = |template| page(template).unwrap_err().to_string();
        assert_eq!(message("# Title\n"), "the template has no line for a");
        assert!(message("<!-- generated: a -->\n<!-- generated: a -->\n").contains("comes twice"));
        assert!(message("<!-- generated: a -->\n<!-- generated: b -->\n").contains("`b`, which is not an area"));
    }
}
