//! The driver and another crate, without a virtual machine: short runs of some benchmarks of `cargo bench`.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use xtask_common::{process::run, workspace};

use super::results::{Benchmark, Results};

/// The names of the benchmarks.
const NAMES: &str =
    "^(pfn_array/.*|round_trip/(thread/)?(runs|scattered)/(split/(1|4|16)|packed/16|virtio-drivers/1))$";
/// Short runs, with little time for statistics that are not used here.
const SHORT: [&str; 8] =
    ["--warm-up-time", "0.2", "--measurement-time", "0.5", "--sample-size", "50", "--nresamples", "1000"];
/// The time limit of all benchmarks, and that of their build.
const LIMIT: Duration = Duration::from_secs(900);

/// Measures one round.
pub(crate) fn round(results: &mut Results) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    // Show only the output of the build: criterion's progress is for interactive use.
    cargo_bench(|cargo| cargo.arg("--no-run"))?;
    cargo_bench(|cargo| {
        cargo.args(["--", "--noplot"]).args(SHORT).arg(NAMES).env("CRITERION_HOME", folder.path()).stderr(Stdio::null())
    })?;
    collect(folder.path(), results)
}

fn cargo_bench(more: impl FnOnce(&mut Command) -> &mut Command) -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--quiet", "--package", "aerostat-benches", "--bench", "pfn_array", "--bench", "round_trip"]);
    let status = run::lines(more(cargo.stderr(Stdio::inherit())), LIMIT, drop)?;
    ensure!(status.success(), "failed to run the benchmarks: `cargo bench` ended with {status}");
    Ok(())
}

/// Criterion's description of a benchmark.
#[derive(Debug, Deserialize)]
struct Description {
    full_id: String,
    /// The amount of work of an iteration, by unit.
    throughput: BTreeMap<String, u64>,
}

/// Criterion's estimates.
#[derive(Debug, Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    /// In nanoseconds.
    point_estimate: f64,
}

/// Records criterion's estimates from all folders below this one.
fn collect(folder: &Path, results: &mut Results) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let folder = entry?.path();
        if folder.ends_with("new") {
            let description: Description = read(&folder.join("benchmark.json"))?;
            let estimates: Estimates = read(&folder.join("estimates.json"))?;
            let elements: u64 = description.throughput.values().sum();
            record(results, description.full_id, estimates.median.point_estimate / elements as f64);
        } else if folder.is_dir() {
            collect(&folder, results)?;
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a file of criterion", file.display()))
}

fn record(results: &mut Results, name: String, nanoseconds: f64) {
    match results.benchmarks.iter_mut().find(|benchmark| benchmark.name == name) {
        Some(benchmark) => benchmark.nanoseconds.push(nanoseconds),
        None => results.benchmarks.push(Benchmark { name, nanoseconds: vec![nanoseconds] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_per_element() {
        let folder = tempfile::tempdir().unwrap();
        for (name, id, median) in [("a/16", "x/a/16", 500.0), ("a/1", "x/a/1", 1000.0)] {
            let new = folder.path().join("x").join(name).join("new");
            fs::create_dir_all(&new).unwrap();
            let description = format!(r#"{{"full_id":"{id}","throughput":{{"Elements":250}},"title":""}}"#);
            fs::write(new.join("benchmark.json"), description).unwrap();
            let estimates = format!(r#"{{"mean":{{}},"median":{{"point_estimate":{median}}}}}"#);
            fs::write(new.join("estimates.json"), estimates).unwrap();
        }
        let mut results = Results::default();
        collect(folder.path(), &mut results).unwrap();
        collect(folder.path(), &mut results).unwrap();
        let found = |name: &str| results.benchmarks.iter().find(|benchmark| benchmark.name == name).unwrap();
        assert_eq!((&found("x/a/16").nanoseconds, &found("x/a/1").nanoseconds), (&vec![2.0; 2], &vec![4.0; 2]));
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("x/new")).unwrap();
        let error = collect(folder.path(), &mut Results::default()).unwrap_err().to_string();
        assert!(error.starts_with("failed to read ") && error.ends_with("x/new/benchmark.json"), "{error}");
    }
}
