//! The parts of texts.

use super::results::{Results, Spread};

/// Returns the command that measures some parts again.
pub(crate) fn command(results: &Results, parts: &str) -> String {
    format!("\n`cargo xtask bench --rounds {} --only {parts}`\n", results.setup.rounds)
}

/// Returns a table. All columns but the first are aligned to the right.
pub(crate) fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heading.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    text += &format!("|---|{}\n", "--:|".repeat(heading.len().saturating_sub(1)));
    text.extend(rows.into_iter().map(|row| line(&row)));
    text
}

/// Formats a median with its range.
pub(crate) fn range(spread: Spread, digits: usize) -> String {
    let Spread { least, median, most } = spread;
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}
