//! `cargo mutants-at-once`: judges all mutants that cargo-mutants lists with one build of the tests.
//!
//! cargo-mutants builds the tests once for each mutant. This tool builds a copy of the workspace that contains all mutants, and
//! enables one of them in each run of the tests. It also finds out which tests reach a mutant, and runs only these.
//!
//! Mutants that do not fit into one program, such as those of constants, are named at the end, for cargo-mutants.

mod list;
mod programs;
mod report;
mod rewrite;
mod tree;

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use serde::{Serialize, de::DeserializeOwned};
use xtask_common::{process::interrupt, workspace::root};

use crate::{
    programs::{Suite, Verdict},
    report::Report,
    tree::Found,
};

fn main() -> ExitCode {
    interrupt::exit_code(run)
}

/// Judges the mutants that have no verdict yet. `--fresh` forgets the verdicts, `--missed` those of mutants that were not caught.
fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = tree::folder();
    fs::create_dir_all(&folder)?;
    let (found_file, verdicts_file) = (folder.join("found.json"), folder.join("verdicts.json"));
    let mut verdicts: BTreeMap<String, Verdict> = load(&verdicts_file);
    let mut found: Found = load(&found_file);
    match arguments.first().map(String::as_str) {
        None => {}
        Some("--fresh") => (verdicts, found) = (BTreeMap::new(), Found::default()),
        Some("--missed") => verdicts.retain(|_, verdict| !matches!(verdict, Verdict::Unreached | Verdict::Missed)),
        Some(other) => anyhow::bail!("unknown argument `{other}`; use `--fresh` or `--missed`"),
    }
    let mutants = list::mutants(&root())?;
    let copy = folder.join("tree");
    let made = tree::make(&root(), &copy, &mutants, &mut found);
    save(&found_file, &found)?;
    let contained = made?;
    let mut suite = Suite::build(&copy)?;
    println!("{} mutants in one program, {} tests", contained.len(), suite.len());
    for (&number, left) in contained.iter().zip((1..=contained.len()).rev()) {
        let Some(mutant) = mutants.get(number).filter(|mutant| !verdicts.contains_key(&mutant.name)) else { continue };
        let verdict = suite.judge(number)?;
        if let Verdict::Missed | Verdict::Unreached = verdict {
            println!("{verdict:?}: {} ({left} left)", mutant.name);
        }
        verdicts.insert(mutant.name.clone(), verdict);
        save(&verdicts_file, &verdicts)?;
    }
    print!("{}", Report::new(&mutants, &found, &verdicts));
    Ok(())
}

fn load<T: Default + DeserializeOwned>(file: &Path) -> T {
    fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn save(file: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(fs::write(file, serde_json::to_vec(value)?)?)
}
