//! `cargo xtask bench`: measures the balloon end to end, beside the same work done by its host, its device and Linux's driver.

mod arguments;
mod baseline;
mod clock;
mod comparison;
mod curve;
mod device_only;
mod driver;
mod fragmented;
mod growth;
mod guests;
mod host;
mod json;
mod linux;
mod markdown;
mod measure;
mod page;
mod pairs;
mod plots;
mod ratios;
mod reporting;
mod resize;
mod results;
mod spread;
mod summary;
mod system;
mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Parser as _;
use xtask_common::{process::interrupt, workspace};

use self::{
    arguments::{BenchArguments, Cli},
    results::Results,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::exit_code(|| run(&cli.arguments))
}

/// Measures or reads results, prints them and publishes them on request.
fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    let results = match &arguments.from {
        Some(file) => read(file)?,
        None => {
            ensure!(!cfg!(debug_assertions), "build the benchmark with optimisation: cargo xtask bench");
            let results = measure::all(arguments)?;
            write(&results, arguments.out.as_deref())?;
            results
        }
    };
    for (_, part) in tables::PARTS {
        println!("{}", part(&results));
    }
    if arguments.publish { page::publish(&results) } else { Ok(()) }
}

fn read(file: &Path) -> anyhow::Result<Results> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} does not contain results of the benchmark", file.display()))
}

fn write(results: &Results, out: Option<&Path>) -> anyhow::Result<()> {
    let out: PathBuf =
        out.map_or_else(|| workspace::target_dir().join("bench").join("results.json"), Path::to_path_buf);
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&out, json::pretty(&results)?).with_context(|| format!("failed to write {}", out.display()))?;
    eprintln!("The results are in {}.", out.display());
    Ok(())
}
