//! `cargo xtask fuzz`: builds and runs the seeded loop of `fuzz/`.

mod build;
mod mutations;

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
    /// Repeat the episode with this seed and print each call of the driver
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seed", "descriptions", "mutations"])]
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
    let mut program = Build::of_workspace(arguments.sanitize).program()?;
    if let Some(seed) = &arguments.replay {
        return print(program.args(["--replay", seed]), SLACK);
    }
    if arguments.descriptions {
        program.arg("--descriptions");
    }
    let seed = arguments.seed.clone().unwrap_or_else(seed_of_now);
    run(&mut program, Duration::from_secs(60 * arguments.minutes), &seed)
}

/// Runs driver and compiler for a short time, as a step of the tests.
pub(crate) fn briefly() -> anyhow::Result<()> {
    let build = Build::of_workspace(false);
    run(&mut build.program()?, Duration::from_secs(60), "1")?;
    run(build.program()?.arg("--descriptions"), Duration::from_secs(10), "1")
}

fn run(program: &mut Command, time: Duration, seed: &str) -> anyhow::Result<()> {
    print(program.args(["--seed", seed, "--seconds", &time.as_secs().to_string()]), time + SLACK)
}

fn print(program: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let status = process::lines(program.stderr(Stdio::inherit()), limit, |line| println!("{line}"))?;
    ensure!(status.success(), "fuzzing ended with {status}; `cargo xtask fuzz --replay SEED` repeats a finding");
    Ok(())
}

fn seed_of_now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64).to_string()
}
