//! Builds and runs the targets for libFuzzer, with the flags of cargo-fuzz.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::ensure;
use xtask_common::{process::run as process, workspace};

use super::nightly::{self, TARGET};

/// The targets in `fuzz/fuzz_targets/`.
const TARGETS: [&str; 2] = ["balloon", "descriptions"];
/// How long each target runs, in seconds.
const SECONDS: u64 = 15;
/// Inputs are at most this long, so that episodes get deep.
const LONGEST_INPUT: &str = "-max_len=16384";
/// Instruments the code for libFuzzer, and with AddressSanitizer. Another compiler has other warnings.
const FLAGS: &str = "-Awarnings --cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds the targets, and runs each for a short time.
pub(super) fn run() -> anyhow::Result<()> {
    let target_dir = workspace::target_dir().join("libfuzzer");
    let mut cargo = nightly::cargo();
    cargo.env("RUSTFLAGS", FLAGS).args(["build", "--quiet", "--profile", "fuzz", "--package", "aerostat-fuzz"]);
    cargo.args(["--features", "libfuzzer", "--target", TARGET]).args(TARGETS.iter().flat_map(|name| ["--bin", name]));
    cargo.arg("--target-dir").arg(&target_dir).stderr(Stdio::inherit());
    let status = process::lines(&mut cargo, process::BUILD_LIMIT, |line| println!("{line}"))?;
    ensure!(status.success(), "failed to build the targets for libFuzzer: cargo ended with {status}");
    let folder = tempfile::tempdir()?;
    for target in TARGETS {
        let mut program = Command::new(target_dir.join(TARGET).join("fuzz").join(target));
        // A file with the input of a finding is written there. What episodes forget on purpose is leaked.
        program.current_dir(folder.path()).args([
            LONGEST_INPUT,
            "-detect_leaks=0",
            "-verbosity=0",
            "-print_final_stats=1",
        ]);
        program
            .arg(format!("-max_total_time={SECONDS}"))
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .stderr(Stdio::inherit());
        let status = process::lines(&mut program, Duration::from_secs(10 * SECONDS), |line| println!("{line}"))?;
        ensure!(status.success(), "the target `{target}` for libFuzzer ended with {status}");
    }
    Ok(())
}
