//! A copy of the workspace that contains all mutants.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    list::Mutant,
    programs::cargo,
    rewrite::{Part, Rewritten, rewrite},
};

/// The crate that all mutated crates use, and that gets the switch.
const LOWEST: &str = "spec/src/lib.rs";

/// What does not compile, found round by round.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Mutants that do not compile, and the compiler's message.
    pub(crate) unviable: BTreeMap<String, String>,
    /// Functions that stay `const`.
    constants: BTreeSet<String>,
    /// The day and the commit of the sources.
    pub(crate) made: String,
}

/// Makes a copy of the workspace in `folder` in which all mutants compile. Returns the numbers of the mutants in it.
///
/// # Errors
///
/// If a file cannot be read or written, or an error of the compiler belongs to no mutant.
pub(crate) fn make(
    root: &Path,
    folder: &Path,
    mutants: &[Mutant],
    found: &mut Found,
) -> anyhow::Result<BTreeSet<usize>> {
    let commit = ["log", "-1", "--date=format:%-d %B %Y", "--format=%cd, `%h`"];
    found.made =
        String::from_utf8(Command::new("git").args(commit).current_dir(root).output()?.stdout)?.trim().to_owned();
    loop {
        let files = write(root, folder, mutants, found)?;
        let before = (found.unviable.len(), found.constants.len());
        let Some(errors) = check(folder)? else {
            for mutant in files.values().flat_map(|file| &file.unviable).filter_map(|&number| mutants.get(number)) {
                found.unviable.insert(mutant.name.clone(), "a chain of `let` has no `||`".to_owned());
            }
            return Ok(files.values().flat_map(|file| file.mutants.iter().copied()).collect());
        };
        for error in &errors {
            explain(error, &files, mutants, found);
        }
        println!(
            "{} errors, {} mutants do not compile, {} functions stay constant",
            errors.len(),
            found.unviable.len(),
            found.constants.len()
        );
        anyhow::ensure!(
            before != (found.unviable.len(), found.constants.len()),
            "the copy does not compile: {}",
            errors.first().map_or("", |error| error["rendered"].as_str().unwrap_or_default())
        );
    }
}

/// Writes the copy. Files that have not changed keep their time.
fn write(root: &Path, folder: &Path, mutants: &[Mutant], found: &Found) -> anyhow::Result<BTreeMap<String, Rewritten>> {
    let mut of_file: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate().filter(|(_, mutant)| !found.unviable.contains_key(&mutant.name))
    {
        of_file.entry(&mutant.file).or_default().push((number, mutant));
    }
    let listed = Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output()?;
    let mut files = BTreeMap::new();
    for name in String::from_utf8(listed.stdout)?.lines() {
        let Ok(mut content) = fs::read(root.join(name)) else { continue };
        if let Some(mutants) = of_file.get(name) {
            let switch = if name.starts_with("spec/") { "crate" } else { "::aerostat_spec" };
            let rewritten = rewrite(&String::from_utf8(content)?, mutants, switch, &found.constants)?;
            content = rewritten.text.clone().into_bytes();
            files.insert(name.to_owned(), rewritten);
        }
        if name == LOWEST {
            content.extend_from_slice(include_bytes!("switch.rs.txt"));
        }
        let copy = folder.join(name);
        if !fs::read(&copy).is_ok_and(|old| old == content) {
            fs::create_dir_all(copy.parent().unwrap_or(folder))?;
            fs::write(&copy, content).with_context(|| format!("failed to write {}", copy.display()))?;
        }
    }
    Ok(files)
}

/// Returns the errors of the compiler, or `None` if the copy compiles.
fn check(folder: &Path) -> io::Result<Option<Vec<Value>>> {
    let checked = cargo("check", folder).arg("--keep-going").output()?;
    if checked.status.success() {
        return Ok(None);
    }
    let messages = String::from_utf8_lossy(&checked.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors = messages.map(|mut message| message["message"].take());
    Ok(Some(
        errors.filter(|message| message["level"].as_str().is_some_and(|level| level.starts_with("error"))).collect(),
    ))
}

/// Notes the function or the mutants that an error of the compiler is about.
fn explain(error: &Value, files: &BTreeMap<String, Rewritten>, mutants: &[Mutant], found: &mut Found) {
    let message = error["message"].as_str().unwrap_or_default();
    if let Some(function) = constant_function(message) {
        found.constants.insert(function);
        return;
    }
    let mut spans: Vec<&Value> = error["spans"].as_array().into_iter().flatten().collect();
    spans.sort_by_key(|span| span["is_primary"] != true);
    let blamed = spans.into_iter().find_map(|span| {
        let file = files.get(span["file_name"].as_str()?)?;
        let byte = |name: &str| usize::try_from(span[name].as_u64()?).ok();
        blame(file, byte("byte_start")?, byte("byte_end")?)
    });
    for mutant in blamed.into_iter().flatten().filter_map(|number| mutants.get(number)) {
        found.unviable.insert(mutant.name.clone(), message.to_owned());
    }
}

/// Returns the function that has to stay constant, if that is the error.
fn constant_function(message: &str) -> Option<String> {
    let path = message.strip_prefix("cannot call non-const ")?.split('`').nth(1)?;
    let (mut depth, mut plain) = (0_u32, String::new());
    for char in path.chars() {
        match char {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(char),
            _ => {}
        }
    }
    let name = plain.split(':').rfind(|segment| !segment.is_empty())?;
    (name != "__mutant").then(|| name.to_owned())
}

/// Returns the mutants that an error at these bytes belongs to.
fn blame(file: &Rewritten, start: usize, end: usize) -> Option<Vec<usize>> {
    let contains = |part: &&Part| part.start <= start && end <= part.end && !part.mutants.is_empty();
    let smallest = file.expressions.iter().filter(contains).min_by_key(|part| part.end - part.start);
    let Some(piece) = file.pieces.iter().find(contains) else { return smallest.map(|part| part.mutants.clone()) };
    // A piece with the mutants of an operator: the one of the branch with the error.
    let before = file.text.get(piece.start..end)?;
    let last = before.rsplit_once("__mutant(").and_then(|(_, rest)| rest.split(')').next()?.parse().ok());
    let is_in_branch = file.text.get(start..piece.end)?.contains("else");
    Some(last.filter(|_| is_in_branch).map_or_else(|| piece.mutants.clone(), |mutant| vec![mutant]))
}

/// Returns the folder of everything that the tool keeps.
pub(crate) fn folder() -> PathBuf {
    xtask_common::workspace::target_dir().join("mutants-at-once")
}
