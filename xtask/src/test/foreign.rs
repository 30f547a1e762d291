//! Runs the tests of the libraries on a big-endian and on a 32-bit processor.

use std::{process::Command, time::Duration};

use xtask_build::foreign::Foreign;

/// The time limit to run the tests under emulation.
pub(super) const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Which tests run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// All tests of the layers below the balloon, which access what the device shares.
    Layers,
    /// The tests of the balloon whose results could depend on the processor.
    Balloon,
    /// All tests of the balloon. They build as long as they run.
    WholeBalloon,
}

impl Part {
    /// Returns the crates in which a unit test has to pass.
    pub(super) const fn crates(self) -> &'static [&'static str] {
        match self {
            Self::Layers => &["aerostat-spec", "aerostat-transport"],
            Self::Balloon | Self::WholeBalloon => &["aerostat-balloon"],
        }
    }
}

/// The tests for [`Part::Balloon`], beside the unit tests: formats, limits, sizes, and random sequences of calls.
const DEPENDENT: [&str; 8] =
    ["behaviour", "byte_order", "features", "frames", "kernel_memory", "properties", "qemu_device", "report_elements"];
/// The number of cases of each property test. Emulation is slow, and differences between processors do not depend on the case.
const CASES: &str = "16";
/// The seed of the property tests, so that every run has the same cases.
const SEED: &str = "2930069872";

/// Returns the command that runs the tests of the libraries on `processor`. Documentation tests are left out, because rustdoc may
/// be of another release than the compiler.
pub(super) fn tests(processor: Foreign, part: Part) -> anyhow::Result<Command> {
    let (mut cargo, recipe) = processor.cargo_test()?;
    eprintln!("Building for {}: {}.", recipe.target, recipe.why);
    match part {
        Part::Layers => cargo.args(["--package", "aerostat-spec", "--package", "aerostat-transport", "--tests"]),
        Part::Balloon => {
            cargo.args(["--package", "aerostat-balloon"]).args(DEPENDENT.iter().flat_map(|test| ["--test", test]))
        }
        Part::WholeBalloon => cargo.args(["--package", "aerostat-balloon", "--tests"]),
    };
    cargo.args(["--lib", "--no-fail-fast"]).env("PROPTEST_CASES", CASES).env("PROPTEST_RNG_SEED", SEED);
    Ok(cargo)
}
