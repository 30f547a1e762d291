//! Runs mdBook.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::Duration,
};

use xtask_common::process::run;

/// The time limit of mdBook.
const LIMIT: Duration = Duration::from_secs(120);

/// Builds the book in the folder `book` into `out`, and returns what mdBook complains about.
pub(super) fn build(mdbook: &Path, book: &Path, out: &Path) -> anyhow::Result<Vec<String>> {
    // mdBook reports some mistakes, such as a missing file of an include, and then succeeds.
    let log = tempfile::NamedTempFile::new()?;
    let mut command = Command::new(mdbook);
    command.arg("build").arg(book).arg("--dest-dir").arg(out).stderr(File::create(log.path())?);
    let status = run::lines(&mut command, LIMIT, |line| eprintln!("{line}"))?;
    let text = fs::read_to_string(log.path())?;
    let mut problems: Vec<_> = text.lines().filter(|line| is_problem(line)).map(str::to_owned).collect();
    if !status.success() && problems.is_empty() {
        problems.push(format!("mdbook ended with {status}: {}", text.trim()));
    }
    Ok(problems)
}

/// Returns whether a line of mdBook's log is an error, a warning, or the cause of one.
fn is_problem(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("ERROR") || line.starts_with("WARN") || line.starts_with("Caused by")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_problems() {
        assert!(is_problem(" WARN unclosed HTML tag"));
        assert!(is_problem("ERROR failed to read"));
        assert!(!is_problem(" INFO Book building has started"));
    }
}
