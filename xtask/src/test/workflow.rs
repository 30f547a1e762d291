//! Compares the workflow in `.github` with the steps: every job selects at least one.

use std::fs;

use xtask_common::{arch::Arch, workspace};

use super::{scope::Scope, steps::plan};

/// Returns the text after `--only`, with or without quotes.
fn selected(line: &str) -> Option<&str> {
    line.trim().strip_prefix("steps: --only ").map(|text| text.trim_matches('"'))
}

#[test]
fn every_job_selects_a_step() {
    let file = workspace::root().join(".github/workflows/ci.yml");
    let workflow = fs::read_to_string(file).unwrap();
    let steps = plan(Scope::Long, Arch::X86_64);
    let texts: Vec<_> = workflow.lines().filter_map(selected).collect();
    assert!(texts.len() > 5, "{texts:?}");
    for text in texts {
        assert!(steps.iter().any(|step| step.name.contains(text)), "no step has `{text}` in its name");
    }
}
