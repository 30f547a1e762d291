//! Runs the tests of the libraries on a big-endian and on a 32-bit processor.

use std::{process::Command, time::Duration};

use xtask_build::foreign::Foreign;

/// The time limit to build and run the tests, including the standard library, under emulation.
pub(super) const LIMIT: Duration = Duration::from_secs(15 * 60);

/// The crates that run in kernels.
const LIBRARIES: [&str; 3] = ["aerostat-spec", "aerostat-transport", "aerostat-balloon"];
/// The number of cases of each property test. Emulation is slow, and differences between processors do not depend on the case.
const CASES: &str = "16";
/// The seed of the property tests, so that every run has the same cases.
const SEED: &str = "2930069872";

/// Returns the command that runs the tests of the libraries on `processor`. Documentation tests are left out, because rustdoc may
/// be of another release than the compiler.
pub(super) fn tests(processor: Foreign) -> anyhow::Result<Command> {
    let (mut cargo, recipe) = processor.cargo_test()?;
    eprintln!("Building for {}: {}.", recipe.target, recipe.why);
    cargo.args(LIBRARIES.iter().flat_map(|package| ["--package", package]));
    cargo.args(["--lib", "--tests", "--no-fail-fast"]).env("PROPTEST_CASES", CASES).env("PROPTEST_RNG_SEED", SEED);
    Ok(cargo)
}
