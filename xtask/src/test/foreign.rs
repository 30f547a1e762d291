//! The tests of the libraries on a big-endian processor and on one of 32 bits.

use std::{process::Command, time::Duration};

use crate::build::foreign::Foreign;

/// Longest time for building and running them, with the standard library and under emulation.
pub(super) const LIMIT: Duration = Duration::from_secs(15 * 60);

/// The crates that run in kernels.
const LIBRARIES: [&str; 3] = ["aerostat-spec", "aerostat-transport", "aerostat-balloon"];
/// How many sequences a property is tried on: emulation is slow, and what differs on these processors differs always.
const CASES: &str = "16";
/// Chooses the sequences, which are the same in every run.
const SEED: &str = "2930069872";

/// The tests of the libraries on `processor`, without those in documentation, for which the compiler of the
/// documentation would have to be of the same release.
pub(super) fn tests(processor: Foreign) -> anyhow::Result<Command> {
    let (mut cargo, recipe) = processor.cargo_test()?;
    eprintln!("Building for {}: {}.", recipe.target, recipe.why);
    cargo.args(LIBRARIES.iter().flat_map(|package| ["--package", package]));
    cargo.args(["--lib", "--tests", "--no-fail-fast"]).env("PROPTEST_CASES", CASES).env("PROPTEST_RNG_SEED", SEED);
    Ok(cargo)
}
