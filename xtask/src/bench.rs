//! `cargo xtask bench`: runs the end-to-end benchmark, in an optimised build because parts of it run in its own process.

use std::{ffi::OsString, process::Stdio, time::Duration};

use anyhow::ensure;
use clap::Args;
use xtask_common::{process::run, workspace};

/// The time limit of the benchmark, including its build.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

// The benchmark parses the arguments, `--help` too.
#[derive(Clone, Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct BenchArguments {
    /// Arguments of the benchmark; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

pub(crate) fn command(arguments: &BenchArguments) -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--quiet", "--release", "--package", "aerostat-bench-e2e", "--"]).args(&arguments.arguments);
    // Incremental release builds have other code: functions that are not inlined.
    cargo.env_remove("CARGO_INCREMENTAL");
    let status = run::lines(cargo.stderr(Stdio::inherit()), LIMIT, |line| println!("{line}"))?;
    ensure!(status.success(), "the benchmark failed: cargo ended with {status}");
    Ok(())
}
