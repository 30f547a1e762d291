//! `cargo xtask fuzz`: builds and runs the seeded loop of `fuzz/`.

mod build;
mod libfuzzer;
mod mutations;
mod nightly;

use std::{
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::ensure;
use clap::Args;
use xtask_common::process::run as process;

use self::build::Build;

/// The time that the loop may take beyond the time that it was given: an episode ends after its last step.
const SLACK: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Args)]
pub(crate) struct FuzzArguments {
    /// Minutes to run
    #[arg(long, value_name = "N", default_value_t = 1)]
    minutes: u64,
    /// Seed of the campaign [default: the time]
    #[arg(long, value_name = "S")]
    seed: Option<String>,
    /// Repeat the episode with this seed and print each call of the driver; with `--descriptions`, compile its description again
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "mutations"])]
    replay: Option<String>,
    /// Compile mutated descriptions instead of running the driver
    #[arg(long)]
    descriptions: bool,
    /// Use AddressSanitizer, which needs a nightly compiler
    #[arg(long, conflicts_with = "mutations")]
    sanitize: bool,
    /// Apply each mutation in fuzz/mutations/ to a copy of the driver and check that the loop finds it within a minute
    #[arg(long, conflicts_with = "descriptions")]
    mutations: bool,
    /// With `--mutations`: only those with TEXT in their names
    #[arg(long, value_name = "TEXT", requires = "mutations")]
    only: Option<String>,
}

pub(crate) fn command(arguments: &FuzzArguments) -> anyhow::Result<()> {
    if arguments.mutations {
        return mutations::check(arguments.only.as_deref());
    }
    if arguments.sanitize {
        nightly::check()?;
    }
    let mut program = Build::of_workspace(arguments.sanitize).program()?;
    if arguments.descriptions {
        program.arg("--descriptions");
    }
    if let Some(seed) = &arguments.replay {
        return print(program.args(["--replay", seed]), SLACK);
    }
    let seed = arguments.seed.clone().unwrap_or_else(seed_of_now);
    run(&mut program, Duration::from_secs(60 * arguments.minutes), &seed, depth(arguments.sanitize))
}

/// Runs driver and compiler for a short time, as a step of the tests. Each run has other episodes.
pub(crate) fn briefly() -> anyhow::Result<()> {
    run_briefly(false)
}

/// Checks that the loop finds each mutation, as a step of the tests.
pub(crate) fn deliberate_bugs() -> anyhow::Result<()> {
    mutations::check(None)
}

/// Runs driver and compiler with AddressSanitizer, as a step of the tests.
pub(crate) fn with_address_sanitizer() -> anyhow::Result<()> {
    nightly::check()?;
    run_briefly(true)
}

fn run_briefly(sanitizes: bool) -> anyhow::Result<()> {
    let build = Build::of_workspace(sanitizes);
    run(&mut build.program()?, Duration::from_secs(60), &seed_of_now(), depth(sanitizes))?;
    run(build.program()?.arg("--descriptions"), Duration::from_secs(10), &seed_of_now(), depth(sanitizes))
}

/// Returns the arguments that make a loop fail that does not get deep. With AddressSanitizer the loop is too slow to reach all.
const fn depth(sanitizes: bool) -> &'static [&'static str] {
    if sanitizes { &[] } else { &["--deep"] }
}

/// Builds the targets for libFuzzer and runs each for a short time, as a step of the tests.
pub(crate) fn with_libfuzzer() -> anyhow::Result<()> {
    nightly::check()?;
    libfuzzer::run()
}

/// Runs the loop for a time.
fn run(program: &mut Command, time: Duration, seed: &str, more: &[&str]) -> anyhow::Result<()> {
    print(program.args(more).args(["--seed", seed, "--seconds", &time.as_secs().to_string()]), time + SLACK)
}

fn print(program: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let status = process::lines(program.stderr(Stdio::inherit()), limit, |line| println!("{line}"))?;
    ensure!(status.success(), "fuzzing ended with {status}; `cargo xtask fuzz --replay SEED` repeats a finding");
    Ok(())
}

fn seed_of_now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64).to_string()
}
