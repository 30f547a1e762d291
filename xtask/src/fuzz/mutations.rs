//! Mutations of the driver: the loop has to find each of them within a minute.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use comfy_table::{Table, presets};
use xtask_common::{process::run as process, workspace};

use super::build::Build;

/// The folder of the mutations.
const FOLDER: &str = "fuzz/mutations";
/// The time in which a mutation has to be found, in seconds.
const SECONDS: u64 = 60;

/// A mutation: one text of one file is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mutation {
    name: String,
    /// What goes wrong.
    description: String,
    file: String,
    find: String,
    replace: String,
}

impl Mutation {
    /// Parses a file of the folder: the description, the file, the text to find, and its replacement.
    fn parse(name: &str, text: &str) -> Option<Self> {
        let (head, rest) = text.split_once("\n--- find\n")?;
        let (description, file) = head.split_once("\nfile: ")?;
        let (find, replace) = rest.split_once("\n--- replace\n")?;
        Some(Self {
            name: name.to_owned(),
            description: description.to_owned(),
            file: file.to_owned(),
            find: find.to_owned(),
            replace: replace.trim_end_matches('\n').to_owned(),
        })
    }

    /// Returns the mutated file.
    fn apply(&self, original: &str) -> anyhow::Result<String> {
        let count = original.matches(&self.find).count();
        ensure!(count == 1, "{}: the text is {count} times in {}", self.name, self.file);
        Ok(original.replacen(&self.find, &self.replace, 1))
    }
}

/// Reads all mutations.
fn read_all() -> anyhow::Result<Vec<Mutation>> {
    let folder = workspace::root().join(FOLDER);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort();
    paths.iter().map(|path| read(path).with_context(|| path.display().to_string())).collect()
}

fn read(path: &Path) -> anyhow::Result<Mutation> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Mutation::parse(&name, &fs::read_to_string(path)?).context("not a mutation")
}

/// Checks that the loop finds each mutation, and prints a table.
pub(super) fn check(only: Option<&str>) -> anyhow::Result<()> {
    let mut mutations = read_all()?;
    mutations.retain(|mutation| only.is_none_or(|text| mutation.name.contains(text)));
    ensure!(!mutations.is_empty(), "no mutation has this text in its name");
    let scratch = workspace::target_dir().join("mutations");
    let copy = scratch.join("source");
    copy_sources(&copy)?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["mutation", "found after", "finding"]);
    let mut missed = Vec::new();
    for mutation in &mutations {
        eprintln!("{}: {}", mutation.name, mutation.description);
        let path = copy.join(&mutation.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, mutation.apply(&original)?)?;
        let found = find(&copy, &scratch.join("target"));
        fs::write(&path, original)?;
        let (time, finding) = match found? {
            Some((time, finding)) => (format!("{:.1} s", time.as_secs_f64()), finding),
            None => {
                missed.push(mutation.name.as_str());
                ("NOT FOUND".to_owned(), String::new())
            }
        };
        eprintln!("{}: {time}: {finding}", mutation.name);
        table.add_row([mutation.name.clone(), time, finding]);
    }
    println!("{table}");
    if !missed.is_empty() {
        bail!("not found within {SECONDS} s: {}", missed.join(", "));
    }
    Ok(())
}

/// Runs the loop on the copy until it finds something. Returns the time and what it found, if it did.
fn find(copy: &Path, target_dir: &Path) -> anyhow::Result<Option<(Duration, String)>> {
    let mut program = Build::of_copy(copy, target_dir).program()?;
    program.args(["--seconds", &SECONDS.to_string(), "--seed", "1", "--stop"]).stderr(Stdio::null());
    let start = Instant::now();
    let mut finding = None;
    let status = process::lines(&mut program, Duration::from_secs(3 * SECONDS), |line| {
        if let Some((_, text)) = line.strip_prefix("finding: ").and_then(|line| line.split_once(": ")) {
            finding.get_or_insert_with(|| text.to_owned());
        }
    })?;
    let found = finding.unwrap_or_else(|| format!("the program ended with {status}"));
    Ok((!status.success()).then(|| (start.elapsed(), found)))
}

/// Copies all files of the repository. Files that are equal are left, so that they are not compiled again.
fn copy_sources(copy: &Path) -> anyhow::Result<()> {
    let root = workspace::root();
    let mut git = Command::new("git");
    git.current_dir(&root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let (status, files) = process::output(&mut git, Duration::from_secs(60))?;
    ensure!(status.success(), "`git ls-files` ended with {status}");
    for file in files.lines() {
        let (from, to) = (root.join(file), copy.join(file));
        let Ok(contents) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|known| known == contents) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, contents)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_applies_to_the_driver() {
        let mutations = read_all().unwrap();
        assert!(mutations.len() >= 10, "{}", mutations.len());
        for mutation in mutations {
            let original = fs::read_to_string(workspace::root().join(&mutation.file)).unwrap();
            assert_ne!(mutation.apply(&original).unwrap(), original, "{}", mutation.name);
        }
    }

    #[test]
    fn a_mutation_replaces_one_text() {
        let text = "Breaks it\nfile: a.rs\n--- find\nx == 0\n--- replace\ntrue\n";
        let mutation = Mutation::parse("m", text).unwrap();
        assert_eq!(mutation.apply("if x == 0 {").unwrap(), "if true {");
        assert!(mutation.apply("x == 0; x == 0").is_err() && mutation.apply("y").is_err());
        assert_eq!(Mutation::parse("m", "no mutation"), None);
    }
}
