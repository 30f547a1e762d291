//! Checks links with lychee: those of the rendered book, and those of the repository's Markdown files.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use xtask_common::process::run;

/// The time limit of lychee.
const LIMIT: Duration = Duration::from_secs(120);

/// Which links are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Links to files and their anchors.
    Local,
    /// Also links to other sites.
    Everywhere,
}

/// Returns the links that are broken, in the book that was built into `out` and in the Markdown files of the repository in `root`.
pub(super) fn problems(lychee: &Path, root: &Path, out: &Path, scope: Scope) -> anyhow::Result<Vec<String>> {
    let mut problems = lines(command(lychee, scope, "html").arg(out))?;
    // Files that git ignores are not checked.
    problems.extend(lines(command(lychee, scope, "md").arg(root))?);
    Ok(problems)
}

/// Paths that are not checked: the page for a server that does not find a file, whose links depend on the server, and a part of a
/// chapter, whose links are relative to that chapter.
const EXCEPT: [&str; 2] = ["/404[.]html$", "/docs/conformance/template[.]md$"];

/// Returns a command that checks the files with this extension.
fn command(lychee: &Path, scope: Scope, extension: &str) -> Command {
    let mut command = Command::new(lychee);
    command.args(["--include-fragments", "--no-progress", "--quiet", "--format", "compact", "--mode", "plain"]);
    command.args(["--extensions", extension]).args(EXCEPT.iter().flat_map(|path| ["--exclude-path", path]));
    if scope == Scope::Local {
        command.arg("--offline");
    }
    command
}

/// Returns the lines that lychee prints if a link is broken.
fn lines(command: &mut Command) -> anyhow::Result<Vec<String>> {
    let (status, text) = run::output(command.stderr(Stdio::inherit()), LIMIT)?;
    if status.success() {
        return Ok(Vec::new());
    }
    let is_about_link = |line: &&str| line.starts_with('[');
    let mut lines: Vec<_> = text.lines().filter(is_about_link).map(str::to_owned).collect();
    if lines.is_empty() {
        lines.push(format!("lychee ended with {status}"));
    }
    Ok(lines)
}
