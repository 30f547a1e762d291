//! Numbers that are the same on every machine: instructions for a page, memory, code, and how often driver and device call
//! each other. They are kept in `benches/counts.json`, and may not grow.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{
    runner::{Baseline, Context},
    size,
};
use crate::cli::Arch;
use crate::{build::guest::executable, process::run, workspace};

/// Pages that the counted program inflates and deflates.
const PAGES: f64 = 65536.0;
/// How much a number may grow before it counts.
const MARGIN: f64 = 1.03;
/// Longest time for a build.
const BUILD: Duration = Duration::from_secs(600);
/// Longest time for one run under callgrind.
const RUN: Duration = Duration::from_secs(120);
/// What is counted, and what is not: all of a round trip but the device's side of it.
const DEVICE: &str = "--toggle-collect=*AckDevice*::on_*";

/// The most that numbers may be, whatever compiler: the start of a name, and a limit.
const LIMITS: &[(&str, f64)] = &[
    ("instructions per page/split/runs/", 10.0),
    ("instructions per page/packed/runs/", 10.0),
    // One kick for 256 pages is 1024.
    ("notifications per GiB/", 1024.0 / 8.0),
    ("interrupts per GiB/", 1024.0 / 8.0),
];

type Numbers = BTreeMap<String, f64>;

/// What is kept.
#[derive(Debug, Deserialize, Serialize)]
struct Counts {
    /// By whose code the numbers are: another compiler has others.
    compiler: String,
    numbers: Numbers,
}

/// Counts, and compares with what is kept or keeps it.
pub(crate) fn counts(context: &mut Context) -> anyhow::Result<()> {
    let program = build()?;
    let mut numbers = facts(&program)?;
    for driver in ["split", "packed", "virtio-drivers"] {
        for lie in ["runs", "scattered"] {
            for way in ["inflate", "deflate"] {
                let count = instructions(&program, driver, lie, way)?;
                numbers.insert(format!("instructions per page/{driver}/{lie}/{way}"), round(count / PAGES));
            }
        }
    }
    numbers.insert("bytes of code/guest at opt-level s".to_owned(), size::driver(&context.recipe(Arch::X86_64)?)?);
    for (name, number) in &numbers {
        println!("{number:>12}  {name}");
    }
    let found = Counts { compiler: compiler()?, numbers };
    let path = workspace::root().join("benches/counts.json");
    if context.baseline() == Baseline::Write {
        let text = serde_json::to_string_pretty(&found)? + "\n";
        return fs::write(&path, text).with_context(|| format!("{} could not be written", path.display()));
    }
    let text = fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))?;
    let kept: Counts = serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    let complaints = judge(&kept, &found);
    ensure!(complaints.is_empty(), "{}\nhelp: if that is meant, add --bless", complaints.join("\n"));
    Ok(())
}

/// What is wrong with the numbers that were found.
fn judge(kept: &Counts, found: &Counts) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, &number) in &found.numbers {
        let limit = LIMITS.iter().find(|(start, _)| name.starts_with(start)).map_or(f64::INFINITY, |(_, limit)| *limit);
        if number > limit {
            complaints.push(format!("{name}: {number} is more than {limit}, the most that it may be"));
        }
        match kept.numbers.get(name) {
            None => complaints.push(format!("{name}: {number} is not kept yet")),
            Some(_) if kept.compiler != found.compiler => {}
            Some(&was) if number > was * MARGIN => complaints.push(format!("{name}: {number}, and it was {was}")),
            Some(_) => {}
        }
    }
    complaints
}

/// Builds the program that is counted.
fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--package", "aerostat-benches", "--bin", "count"]);
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let mut program = None;
    let status = run::lines(&mut cargo, BUILD, |line| program = executable(&line).or(program.take()))?;
    ensure!(status.success(), "the counted program could not be built: cargo ended with {status}");
    program.context("cargo built the counted program, but did not name it")
}

fn facts(program: &Path) -> anyhow::Result<Numbers> {
    let (status, text) = run::output(Command::new(program).arg("facts"), RUN)?;
    ensure!(status.success(), "the counted program ended with {status}");
    Ok(serde_json::from_str(&text)?)
}

/// The instructions of the driver's side for all pages, in one direction.
fn instructions(program: &Path, driver: &str, lie: &str, way: &str) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let driver_side = if driver == "virtio-drivers" { "Peer" } else { "Ours" };
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", "--collect-atstart=no", DEVICE]);
    valgrind.arg(format!("--toggle-collect=*{driver_side}*::{way}*"));
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).args([driver, lie]);
    let (status, _) = run::output(valgrind.stderr(Stdio::inherit()), RUN)?;
    ensure!(status.success(), "valgrind ended with {status}");
    match total(&fs::read_to_string(&out)?) {
        Some(count) if count > 0.0 => Ok(count),
        _ => bail!("callgrind counted nothing: is there still a function `{driver_side}::{way}` that is not inlined?"),
    }
}

/// The sum in callgrind's output.
fn total(text: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")))?
        .trim()
        .parse()
        .ok()
}

/// To two places: nobody reads more.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn compiler() -> anyhow::Result<String> {
    let (status, text) = run::output(Command::new("rustc").arg("-vV").current_dir(workspace::root()), RUN)?;
    ensure!(status.success(), "rustc ended with {status}");
    let lines = text.lines().filter(|line| line.starts_with("rustc ") || line.starts_with("host: "));
    Ok(lines.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(compiler: &str, numbers: &[(&str, f64)]) -> Counts {
        let numbers = numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect();
        Counts { compiler: compiler.to_owned(), numbers }
    }

    #[test]
    fn a_number_may_shrink_and_grow_a_little() {
        let kept = counts("a", &[("x", 100.0)]);
        for number in [1.0, 100.0, 103.0] {
            assert_eq!(judge(&kept, &counts("a", &[("x", number)])), [""; 0]);
        }
        assert_eq!(judge(&kept, &counts("a", &[("x", 104.0)])), ["x: 104, and it was 100"]);
        assert_eq!(judge(&kept, &counts("a", &[("y", 1.0)])), ["y: 1 is not kept yet"]);
    }

    #[test]
    fn with_another_compiler_only_limits_count() {
        let name = "instructions per page/split/runs/inflate";
        let kept = counts("a", &[("x", 100.0), (name, 5.0)]);
        assert_eq!(judge(&kept, &counts("b", &[("x", 200.0), (name, 9.0)])), [""; 0]);
        assert_eq!(judge(&kept, &counts("b", &[(name, 11.0)])).len(), 1);
    }

    #[test]
    fn callgrinds_sum_is_found() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 310053\nfn=x\n"), Some(310053.0));
        assert_eq!(total("version: 1\n"), None);
    }
}
