//! The list of mutants, as `cargo mutants --list --json` prints it.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use xtask_common::workspace::cargo;

use crate::{Verdicts, programs::Verdict};

/// A mutant.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mutant {
    pub(crate) name: String,
    /// The source file, from the root of the workspace.
    pub(crate) file: String,
    pub(crate) genre: Genre,
    pub(crate) replacement: String,
    /// What is replaced.
    pub(crate) span: Range,
}

/// The kind of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
    #[serde(other)]
    Other,
}

/// A range of a file.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Range {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Returns the mutants of the workspace, by the configuration in `.cargo/mutants.toml`.
///
/// # Errors
///
/// If cargo-mutants is not installed or fails.
pub(crate) fn mutants(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    let listed = cargo().args(["mutants", "--list", "--json"]).current_dir(root).output()?;
    anyhow::ensure!(
        listed.status.success(),
        "cargo-mutants failed (`cargo install cargo-mutants --locked` installs it): {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    serde_json::from_slice(&listed.stdout).context("the list of cargo-mutants is not understood")
}

/// Returns the verdicts in an `outcomes.json` of cargo-mutants about the listed mutants.
///
/// # Errors
///
/// If the file cannot be read.
pub(crate) fn outcomes(file: &Path, mutants: &[Mutant]) -> anyhow::Result<Verdicts> {
    let text = fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    let outcomes: Value = serde_json::from_slice(&text)?;
    let verdicts = outcomes["outcomes"].as_array().into_iter().flatten().filter_map(|outcome| {
        let name = outcome["scenario"]["Mutant"]["name"].as_str()?;
        let verdict = match outcome["summary"].as_str()? {
            "CaughtMutant" => Verdict::Caught { by: "cargo-mutants".to_owned() },
            "MissedMutant" => Verdict::Missed { left_out: 0 },
            "Timeout" => Verdict::Timeout,
            "Unviable" => Verdict::Unviable,
            _ => return None,
        };
        mutants.iter().any(|mutant| mutant.name == name).then(|| (name.to_owned(), verdict))
    });
    Ok(verdicts.collect())
}
