//! Numbers that are the same on every machine: instructions per page, memory, code size, notifications and interrupts. They are
//! kept in `benches/counts.json` and must not grow.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use xtask_build::guest::executable;
use xtask_common::{arch::Arch, process::run, workspace};

use super::{
    chapters,
    context::{Baseline, Context},
    kept::{self, Counts, Numbers, Verdict},
    parts, size, stack,
};

/// Pages that the counted program inflates and deflates.
const PAGES: f64 = 65536.0;
/// The counts in fragmented memory.
const FRAGMENTED: &str = "instructions per page/fragmented";
/// The ways to fragment memory: the argument of the counted program, and the name of the count.
const FRAGMENTS: [(&str, &str); 2] =
    [("every-second", "a frame in use in every second block"), ("every", "a frame in use in every block")];
/// The starts of a balloon: arguments of the program `boot`, and the name of the count.
const STARTS: [(&str, &str, &str); 4] = [
    ("mmio", "minimal", "MMIO, MUST_TELL_HOST"),
    ("mmio", "all", "MMIO, every feature"),
    ("pci", "minimal", "modern PCI, MUST_TELL_HOST"),
    ("pci", "all", "modern PCI, every feature"),
];
/// The maximum factor of growth of a number.
const MARGIN: f64 = 1.03;
/// The time limit of one run under callgrind.
const RUN: Duration = Duration::from_secs(120);
/// Turns counting off in the device's part of a round trip.
const DEVICE: &str = "--toggle-collect=*AckDevice*::on_*";

/// Counts, and compares the numbers with the kept ones or replaces these.
pub(crate) fn counts(context: &mut Context) -> anyhow::Result<()> {
    let program = build("count")?;
    let boot = build("boot")?;
    let mut numbers = facts(&program)?;
    numbers.extend(facts(&boot)?);
    for driver in ["split", "packed", "virtio-drivers"] {
        for order in ["runs", "scattered"] {
            for way in ["inflate", "deflate"] {
                let (count, output) = instructions(&program, driver, order, way)?;
                numbers.insert(format!("instructions per page/{driver}/{order}/{way}"), round(count / PAGES));
                if parts::are_counted(driver, order) {
                    numbers.extend(parts::numbers(&output, driver, way, PAGES));
                }
            }
        }
    }
    for (fragments, name) in FRAGMENTS {
        for way in ["inflate", "deflate"] {
            for driver in ["blocks", "arrays"] {
                let (count, _) = instructions(&program, driver, fragments, way)?;
                numbers.insert(format!("{FRAGMENTED}/{name}/{way}/{driver}"), round(count / PAGES));
            }
        }
    }
    for (bus, features, name) in STARTS {
        let (count, _) = count(&boot, &[bus, features], "*Boot*::start*")?;
        numbers.insert(format!("instructions at boot/{name}"), count);
    }
    numbers.extend(size::numbers(&context.recipe(Arch::X86_64)?)?);
    numbers.extend(stack::numbers(&context.recipe(Arch::X86_64)?)?);
    let mut kept = Counts::read()?;
    print(&kept, &numbers);
    let mut exceeded = exceeded(&kept, &numbers);
    exceeded.extend(slower_than_arrays(&numbers));
    ensure!(exceeded.is_empty(), "{}", exceeded.join("\n"));
    let compiler = compiler()?;
    if kept.compiler != compiler {
        eprintln!("warning: the numbers of {} are not compared, only their limits: they are of", kept::FILE);
        eprintln!("  {}\nand this is\n  {compiler}", kept.compiler);
    }
    if context.baseline == Baseline::Write {
        (kept.compiler, kept.numbers) = (compiler, numbers);
        kept.write()?;
        return chapters::write(&kept);
    }
    let problems = check(&kept, &compiler, &numbers);
    ensure!(problems.is_empty(), "{}\nhelp: pass --bless if the change is intended", problems.join("\n"));
    chapters::check(&kept)
}

/// Prints numbers with their limits.
fn print(kept: &Counts, numbers: &Numbers) {
    println!("{:>12} {:>8} {:8}  name", "number", "limit", "");
    for (name, &number) in numbers {
        let limit = kept.limit(name).map_or_else(String::new, |limit| limit.to_string());
        println!("{number:>12} {limit:>8} {:8}  {name}", kept.verdict(name, number));
    }
}

/// Returns the numbers that exceed their limits. A goal that is missed is not among them.
fn exceeded(kept: &Counts, numbers: &Numbers) -> Vec<String> {
    let message = |(name, &number): (&String, &f64)| {
        let limit = kept.limit(name)?;
        let is_exceeded = kept.verdict(name, number) == Verdict::Exceeded;
        is_exceeded.then(|| format!("{name}: {number} exceeds the limit of {limit}"))
    };
    numbers.iter().filter_map(message).collect()
}

/// Returns where block inflation takes more instructions than arrays alone.
fn slower_than_arrays(numbers: &Numbers) -> Vec<String> {
    let message = |(name, &blocks): (&String, &f64)| {
        let arrays = *numbers.get(&format!("{}/arrays", name.strip_suffix("/blocks")?))?;
        (blocks > arrays * MARGIN)
            .then(|| format!("{name}: {blocks} exceeds {arrays} of arrays alone by more than 3 %"))
    };
    numbers.iter().filter_map(message).collect()
}

/// Returns the numbers that are larger than the kept ones, not among them, or missing.
fn check(kept: &Counts, compiler: &str, found: &Numbers) -> Vec<String> {
    let gone = kept.numbers.keys().filter(|name| !found.contains_key(*name));
    let mut problems: Vec<_> = gone.map(|name| format!("{name}: in the file, but not counted")).collect();
    for (name, &number) in found {
        match kept.numbers.get(name) {
            None => problems.push(format!("{name}: {number} is not in the file")),
            Some(_) if kept.compiler != compiler => {}
            Some(&was) if number > was * MARGIN => problems.push(format!("{name}: {number}, was {was}")),
            Some(_) => {}
        }
    }
    problems
}

/// Builds a counted program.
fn build(name: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--package", "aerostat-benches", "--bin", name]);
    // Incremental release builds have other code.
    cargo.env_remove("CARGO_INCREMENTAL");
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let mut program = None;
    let status = run::lines(&mut cargo, run::BUILD_LIMIT, |line| program = executable(&line).or(program.take()))?;
    ensure!(status.success(), "failed to build the program `{name}`: cargo ended with {status}");
    program.with_context(|| format!("cargo built the program `{name}` but did not report its path"))
}

fn facts(program: &Path) -> anyhow::Result<Numbers> {
    let (status, text) = run::output(Command::new(program).arg("facts"), RUN)?;
    ensure!(status.success(), "the counted program ended with {status}");
    Ok(serde_json::from_str(&text)?)
}

/// Returns the number of instructions of the driver for all pages in one direction, and callgrind's output.
fn instructions(program: &Path, driver: &str, order: &str, way: &str) -> anyhow::Result<(f64, String)> {
    let driver_side = match driver {
        "virtio-drivers" => "Peer",
        "blocks" | "arrays" => "Fragmented",
        _ => "Ours",
    };
    count(program, &[driver, order], &format!("*{driver_side}*::{way}*"))
}

/// Returns the number of instructions of the functions with this name, without those of the device, and callgrind's output.
fn count(program: &Path, arguments: &[&str], function: &str) -> anyhow::Result<(f64, String)> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", "--collect-atstart=no", DEVICE]);
    valgrind.args(["--compress-strings=no", "--compress-pos=no"]).arg(format!("--toggle-collect={function}"));
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).args(arguments);
    let (status, _) = run::output(valgrind.stderr(Stdio::inherit()), RUN)?;
    ensure!(status.success(), "valgrind ended with {status}");
    let output = fs::read_to_string(&out)?;
    match total(&output) {
        Some(count) if count > 0.0 => Ok((count, output)),
        _ => bail!("callgrind counted nothing: is the function `{function}` missing or inlined?"),
    }
}

/// Parses the sum in callgrind's output.
fn total(text: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")))?
        .trim()
        .parse()
        .ok()
}

/// Rounds to two decimal places.
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

    const NAME: &str = "instructions per page/split/runs/inflate";

    fn numbers(numbers: &[(&str, f64)]) -> Numbers {
        numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect()
    }

    fn kept(kept: &[(&str, f64)]) -> Counts {
        let limits = numbers(&[("instructions per page/split/", 10.0), ("bytes of code/x", 10.0)]);
        Counts { compiler: "a".to_owned(), limits, numbers: numbers(kept) }
    }

    #[test]
    fn a_number_may_shrink_and_grow_a_little() {
        let kept = kept(&[("x", 100.0)]);
        for number in [1.0, 100.0, 103.0] {
            assert_eq!(check(&kept, "a", &numbers(&[("x", number)])), [""; 0]);
        }
        assert_eq!(check(&kept, "a", &numbers(&[("x", 104.0)])), ["x: 104, was 100"]);
        assert_eq!(check(&kept, "a", &numbers(&[("x", 1.0), ("y", 1.0)])), ["y: 1 is not in the file"]);
    }

    #[test]
    fn a_kept_number_that_is_not_counted_is_reported_with_any_compiler() {
        let kept = kept(&[("x", 100.0), ("y", 1.0)]);
        for compiler in ["a", "b"] {
            assert_eq!(check(&kept, compiler, &numbers(&[("x", 1.0)])), ["y: in the file, but not counted"]);
        }
    }

    #[test]
    fn with_another_compiler_only_limits_apply() {
        let kept = kept(&[("x", 100.0), (NAME, 5.0)]);
        assert_eq!(check(&kept, "b", &numbers(&[("x", 200.0), (NAME, 9.0)])), [""; 0]);
        assert_eq!(exceeded(&kept, &numbers(&[(NAME, 9.0)])), [""; 0]);
        assert_eq!(exceeded(&kept, &numbers(&[(NAME, 11.0)])), [format!("{NAME}: 11 exceeds the limit of 10")]);
    }

    #[test]
    fn block_inflation_takes_at_most_a_little_more_than_arrays() {
        let pair = |blocks| numbers(&[("x/y/blocks", blocks), ("x/y/arrays", 10.0), ("z/blocks", 99.0)]);
        assert_eq!(slower_than_arrays(&pair(10.3)), [""; 0]);
        assert_eq!(slower_than_arrays(&pair(10.4)), ["x/y/blocks: 10.4 exceeds 10 of arrays alone by more than 3 %"]);
    }

    #[test]
    fn a_missed_goal_of_code_is_not_an_error() {
        assert_eq!(exceeded(&kept(&[]), &numbers(&[("bytes of code/x", 11.0)])), [""; 0]);
    }

    #[test]
    fn callgrinds_sum_is_parsed() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 310053\nfn=x\n"), Some(310053.0));
        assert_eq!(total("version: 1\n"), None);
    }
}
