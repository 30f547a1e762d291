//! Runs the interleaving tests, with loom.

use std::{env, process::Command, time::Duration};

use xtask_common::workspace;

/// The time limit to run the tests. They take about 15 s on a processor that does nothing else.
pub(super) const LIMIT: Duration = Duration::from_secs(5 * 60);

/// The crates that have such tests.
pub(super) const LIBRARIES: [&str; 2] = ["aerostat-transport", "aerostat-balloon"];
/// How often the scheduler of a model takes the processor from a thread that could go on.
const PREEMPTIONS: &str = "3";
/// The operations in one execution of a model, at most.
const BRANCHES: &str = "5000";

/// Returns the command that runs the tests.
pub(super) fn tests() -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--profile", "interleavings", "--lib", "--no-fail-fast"]);
    cargo.args(LIBRARIES.iter().flat_map(|package| ["--package", package]));
    cargo.arg("--target-dir").arg(workspace::target_dir().join("interleavings")).arg("interleavings::");
    // `cargo clippy` does not see this code, so its warnings are errors here.
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    cargo.env("RUSTFLAGS", format!("{flags} --cfg loom -D warnings").trim_start());
    cargo.env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS).env("LOOM_MAX_BRANCHES", BRANCHES);
    cargo
}
