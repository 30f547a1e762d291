//! Runs tests in Miri, an interpreter that detects undefined behaviour.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use xtask_common::{process::run, workspace};

use crate::not_run::NotRun;

/// Which tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The unit tests of spec, transport and balloon.
    Units,
    /// Balloons on a device and a kernel in plain memory: the quickest test.
    Aliasing,
    /// All tests of that kind, which take minutes.
    AllAliasing,
}

/// The time limit to run the tests.
pub(super) const LIMIT: Duration = Duration::from_secs(30 * 60);
/// The time limit for a query to a tool.
const QUERY: Duration = Duration::from_secs(20);

/// The crates whose unit tests run.
const LIBRARIES: [&str; 3] = ["aerostat-spec", "aerostat-transport", "aerostat-balloon"];
/// The test for [`Selection::Aliasing`].
const QUICKEST: &str = "blocks_are_acknowledged_and_released_in_two_threads";

/// Variables that the tests may read. The rest of the environment, and the file system, do not exist in Miri.
const VARIABLES: [(&str, &str); 3] =
    [("PROPTEST_CASES", "2"), ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1"), ("PROPTEST_RNG_SEED", "2930069872")];

impl Selection {
    /// Returns the command that only builds the tests.
    pub(super) fn build(self) -> Command {
        let mut cargo = self.test();
        cargo.arg("--no-run");
        cargo
    }

    /// Returns the command that runs the tests.
    pub(super) fn run(self) -> Command {
        let mut cargo = self.test();
        match self {
            Self::Aliasing => {
                cargo.args(["--", QUICKEST]);
            }
            Self::Units | Self::AllAliasing => {}
        }
        cargo
    }

    /// Returns the crates in which a unit test has to pass.
    pub(super) const fn crates(self) -> &'static [&'static str] {
        match self {
            Self::Units => &LIBRARIES,
            Self::Aliasing | Self::AllAliasing => &[],
        }
    }

    /// Returns the command without arguments for the tests.
    fn test(self) -> Command {
        let mut cargo = miri();
        cargo.arg("test");
        // Tests leak memory that a driver borrows for `'static`. The platform of a balloon that is dropped before its handles is
        // leaked, as documented.
        let mut flags = "-Zmiri-strict-provenance -Zmiri-ignore-leaks".to_owned();
        for (name, value) in VARIABLES {
            flags.push_str(&format!(" -Zmiri-env-forward={name}"));
            cargo.env(name, value);
        }
        match self {
            Self::Units => {
                cargo.args(LIBRARIES.iter().flat_map(|package| ["--package", package]));
                cargo.args(["--lib", "--no-fail-fast"]);
            }
            Self::Aliasing | Self::AllAliasing => {
                cargo.args(["--package", "aerostat-balloon", "--test", "aliasing"]);
            }
        }
        cargo.env("MIRIFLAGS", flags);
        cargo
    }
}

/// Returns a command that runs Miri's cargo subcommand.
fn miri() -> Command {
    let mut cargo = Command::new("rustup");
    cargo.args(["run", "nightly", "cargo", "miri"]).current_dir(workspace::root());
    // Cargo of another toolchain must not inherit the compiler of this one.
    cargo.env_remove("RUSTC").env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    cargo
}

/// Returns why Miri cannot run here, or `None` if it can.
pub(super) fn missing() -> Option<NotRun> {
    let mut query = miri();
    let is_there =
        run::output(query.arg("--version").stderr(Stdio::null()), QUERY).is_ok_and(|(status, _)| status.success());
    let needs = "needs Miri: `rustup toolchain install nightly --component miri,rust-src`";
    (!is_there).then(|| NotRun::optional(needs))
}
