//! `cargo mutants-at-once`: judges all mutants that cargo-mutants lists with one build of the tests.
//!
//! cargo-mutants builds the tests once for each mutant. This tool builds a copy of the workspace that contains all mutants, and
//! enables one of them in each run of the tests. It also finds out which tests reach a mutant, and runs only these.
//!
//! Mutants that do not fit into one program, such as those of constants, are named at the end, for cargo-mutants.

mod list;
mod options;
mod programs;
mod report;
mod rewrite;
mod survivors;
mod tree;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::Context as _;
use serde::{Serialize, de::DeserializeOwned};
use xtask_common::{process::interrupt, workspace::root};

use crate::{
    options::{Options, Task},
    programs::{Suite, Verdict},
    report::Report,
    tree::Found,
};

/// The verdicts by the names of the mutants.
type Verdicts = BTreeMap<String, Verdict>;

fn main() -> ExitCode {
    interrupt::exit_code(run)
}

/// Judges the mutants that have no verdict yet, or does what the arguments say.
fn run() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let folder = tree::folder();
    fs::create_dir_all(&folder)?;
    let lock = fs::File::create(folder.join("lock"))?;
    lock.try_lock().with_context(|| format!("another run uses {}", folder.display()))?;
    let (found_file, verdicts_file) = (folder.join("found.json"), folder.join("verdicts.json"));
    let (mut verdicts, mut found): (Verdicts, Found) = match options.is_fresh {
        true => Default::default(),
        false => (load(&verdicts_file), load(&found_file)),
    };
    let mutants = list::mutants(&root())?;
    match &options.task {
        Task::Judge => {}
        Task::Import(file) => {
            verdicts.extend(list::outcomes(file, &mutants)?);
            save(&verdicts_file, &verdicts)?;
        }
        Task::Book => Report::new(&mutants, &found, &verdicts).write_to_book()?,
    }
    if options.task == Task::Judge {
        let copy = folder.join("tree");
        let made = tree::make(&root(), &copy, &mutants, &mut found);
        save(&found_file, &found)?;
        let contained = made?;
        let suite = Suite::build(&copy)?;
        println!("{} mutants in one program, {} tests", contained.len(), suite.len());
        let mut left = Vec::new();
        for (number, mutant) in mutants.iter().enumerate().filter(|(number, _)| contained.contains(number)) {
            match verdicts.get(&mutant.name) {
                Some(Verdict::Caught { by }) => suite.note(by, &mutant.file),
                Some(verdict) if !(options.is_for_missed && verdict.is_missed()) => {}
                _ if options.selects(&mutant.name) => left.push((number, mutant)),
                _ => {}
            }
        }
        // The next one is the last. Mutants of a file are judged together: the tests that catch one are likely to catch the next.
        left.reverse();
        let left = Mutex::new(left);
        let kept = Mutex::new(&mut verdicts);
        let judge_all = || -> anyhow::Result<()> {
            loop {
                let (next, count) = {
                    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                    (left.pop(), left.len())
                };
                let Some((number, mutant)) = next else { return Ok(()) };
                let verdict = suite.judge(number, mutant, options.seconds)?;
                if verdict.is_missed() {
                    println!("{verdict:?}: {} ({count} left)", mutant.name);
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.insert(mutant.name.clone(), verdict);
                save(&verdicts_file, &**kept)?;
            }
        };
        thread::scope(|scope| {
            let jobs: Vec<_> = (0..options.jobs).map(|_| scope.spawn(judge_all)).collect();
            let ended =
                jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a job panicked"))));
            ended.collect::<anyhow::Result<()>>()
        })?;
    }
    print!("{}", Report::new(&mutants, &found, &verdicts));
    Ok(())
}

fn load<T: Default + DeserializeOwned>(file: &Path) -> T {
    fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Writes a file whole or not at all.
fn save(file: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, serde_json::to_vec(value)?)?;
    Ok(fs::rename(new, file)?)
}
